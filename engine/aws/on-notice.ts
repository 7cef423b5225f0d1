/** What people should know, though nothing failed. */
export type OnNotice = (text: string, data: Readonly<Record<string, unknown>>) => void;
