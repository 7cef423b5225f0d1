/** The prices that come with the command, or a file of one's own in the same form: another region, another date, a contract. */
import { readFileSync } from 'node:fs';
import { ConfigError, messageOf } from '../model/errors.ts';
import type { Price, PriceList } from '../runtime/cost-model.ts';
import prices from './prices.json' with { type: 'json' };

export const LIST_PRICES: PriceList = prices;

/** What a file leaves out is as in the list prices. */
export function readPriceList(path: string): PriceList {
  const refused = (why: string, cause?: unknown): ConfigError =>
    new ConfigError(
      `${path}: ${why}. Write { "region": …, "date": …, "prices": { "writeUnits": { "usd": 0.625, "per": 1000000, "source": … } } }.`,
      { path },
      cause,
    );
  let read: unknown;
  try {
    read = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw refused(messageOf(error), error);
  }
  const { region, date, prices: own } = (read ?? {}) as Partial<Record<keyof PriceList, unknown>>;
  if (typeof region !== 'string' || typeof date !== 'string' || typeof own !== 'object' || own === null)
    throw refused('region, date and prices are needed');
  const merged: Record<string, Price> = { ...LIST_PRICES.prices };
  for (const [unit, price] of Object.entries(own as Record<string, Partial<Price>>)) {
    const known = merged[unit];
    if (known === undefined) throw refused(`"${unit}" is nothing that is priced`);
    const { usd, per, source } = price;
    if (!isPositive(usd, 0) || !isPositive(per, Number.MIN_VALUE) || typeof source !== 'string')
      throw refused(`"${unit}" needs usd, per and source`);
    merged[unit] = { ...known, checked: `as ${path} says`, ...price, usd: usd!, per: per! };
  }
  return { region, date, prices: merged as PriceList['prices'] };
}

const isPositive = (value: unknown, least: number): boolean => typeof value === 'number' && value >= least;
