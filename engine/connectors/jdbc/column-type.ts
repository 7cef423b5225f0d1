/** The types of columns that writing distinguishes, the same for all databases. */
export type ColumnType =
  | { readonly kind: 'boolean' }
  | { readonly kind: 'integer'; readonly min: bigint; readonly max: bigint; readonly takesBoolean: boolean }
  /** `special`: NaN and the infinities too. `bytes`: 4 or 8. */
  | { readonly kind: 'float'; readonly special: boolean; readonly bytes: 4 | 8 }
  | { readonly kind: 'decimal'; readonly precision: number | null; readonly scale: number; readonly special: boolean }
  /** Characters; `padded`: trailing blanks do not count. */
  | {
      readonly kind: 'text';
      readonly maxLength: number | null;
      readonly maxBytes: number | null;
      readonly padded: boolean;
      readonly takesNul: boolean;
    }
  | { readonly kind: 'uuid' }
  /** `padTo`: shorter ones are filled up with zeros (MySQL's BINARY). */
  | { readonly kind: 'bytes'; readonly maxBytes: number | null; readonly padTo?: number | null }
  /** MySQL's BIT(n). */
  | { readonly kind: 'bits'; readonly bits: number }
  | { readonly kind: 'date' }
  | { readonly kind: 'time' }
  /** `zoned`: an instant; its text ends in +00 (PostgreSQL). Otherwise, and in MySQL, the text is UTC's. */
  | { readonly kind: 'timestamp'; readonly zoned: boolean }
  /** `takesNul`: \u0000 too. */
  | { readonly kind: 'json'; readonly takesNul: boolean }
  | { readonly kind: 'array'; readonly element: ColumnType }
  /** Whatever the server makes of the text. */
  | { readonly kind: 'other'; readonly takesNul: boolean };

export interface TableColumn {
  readonly name: string;
  readonly type: ColumnType;
  /** As the server names it, for casts. */
  readonly sqlType: string;
  /** The same with length and scale: what a value is rounded to. */
  readonly storedType: string;
  readonly nullable: boolean;
  /** The server has a value for rows that do not give one. */
  readonly hasDefault: boolean;
  /** Its values can be equal though their texts differ: rounded, or of a collation without regard to case. */
  readonly looseEquality: boolean;
}

/** What a sink knows of its table. */
export interface TableCatalog {
  /** Quoted, for statements. */
  readonly sqlName: string;
  readonly columns: ReadonlyMap<string, TableColumn>;
  /** Columns of each unique index or key over plain columns. */
  readonly uniqueKeys: readonly (readonly string[])[];
  /** It has unique indexes over parts of columns or over expressions. */
  readonly hasOtherKeys: boolean;
  /** Why its rows may be lost though their transaction was committed, or stay though it was not; null: neither. */
  readonly unsafe: string | null;
}

/** An integer type of so many bits. */
export function integerType(bits: number, options: { unsigned?: boolean; takesBoolean?: boolean } = {}): ColumnType {
  const { unsigned = false, takesBoolean = false } = options;
  const min = unsigned ? 0n : -(1n << BigInt(bits - 1));
  const max = unsigned ? (1n << BigInt(bits)) - 1n : (1n << BigInt(bits - 1)) - 1n;
  return { kind: 'integer', min, max, takesBoolean };
}

/** Are two values of the type equal just when their encoded texts are? Others are rounded, or compared without regard to case. */
export function isExact(type: ColumnType): boolean {
  return ['boolean', 'integer', 'uuid', 'text', 'bytes', 'date'].includes(type.kind);
}
