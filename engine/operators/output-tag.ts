/** Names a side output and carries its type (Flink: OutputTag). Two tags with the same id are the same output. */
export class OutputTag<out T> {
  readonly id: string;
  declare readonly __type?: T;
  constructor(id: string) {
    this.id = id;
  }
}
