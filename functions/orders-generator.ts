/** Seeded orders: order i is a function of the seed and i, so that a source can begin again at any of them. */
export interface Order {
  readonly order_id: string;
  readonly customer_id: string;
  readonly product_id: string;
  readonly amount_cents: number;
  readonly status: 'COMPLETED' | 'PENDING' | 'CANCELLED';
  readonly currency: 'USD';
  /** Event time, epoch milliseconds. */
  readonly event_ts: number;
}

const FIRST_MS = Date.UTC(2024, 0, 1, 8);
/** Between two orders: 200,000 of them are a day. */
const STEP_MS = 432;
/** Every other order comes up to this late. */
export const LATENESS_MS = 5_000;
const CUSTOMERS = 1_000;
const STATUS = ['COMPLETED', 'COMPLETED', 'PENDING', 'CANCELLED'] as const;

export function ordersGenerator(seed: number): (index: number) => Order {
  return (index) => {
    const a = hash(seed, 2 * index);
    const b = hash(seed, 2 * index + 1);
    const late = (a & 1) === 1 ? (a >>> 1) % LATENESS_MS : 0;
    return {
      order_id: `ord-${String(index).padStart(10, '0')}`,
      customer_id: `cust-${String(b % CUSTOMERS).padStart(5, '0')}`,
      product_id: `prod-${String((b >>> 10) % 5_000).padStart(4, '0')}`,
      amount_cents: 100 + ((a >>> 4) % 300_000),
      status: STATUS[(b >>> 24) & 3]!,
      currency: 'USD',
      event_ts: FIRST_MS + index * STEP_MS - late,
    };
  };
}

/** 32 well-mixed bits of (seed, n): the finaliser of murmur3, over both. */
function hash(seed: number, n: number): number {
  let h = Math.imul(seed ^ Math.floor(n / 0x1_0000_0000), 0x9e3779b1) ^ (n | 0);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
