// Dates and times as ICU writes them in every locale of the table: samples for the readers of pages, made without them.
// `npm run samples` here. Columns: locale, order of day, month and year, the instant, and the text, of UTC.
import { createRequire } from 'node:module';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);
const levels = require('cldr-core/coverageLevels.json').effectiveCoverageLevels;
const offered = ['dz', 'lb', 'lu', 'mt', 'rm', 'rn', 'tg', 'ti', 'xh', 'yi'];
const main = join(dirname(require.resolve('cldr-dates-full/package.json')), 'main');
// Days that say which number is which, and hours at the edges of the halves of the day.
const hours = [0, 1, 4, 7, 9, 11, 12, 13, 14, 18, 19, 23];
let seed = 20261128;
const next = (below) => {
  seed = (seed * 1103515245 + 12345) % 2147483648;
  return Math.floor((seed / 2147483648) * below);
};
const locales = readdirSync(main).filter((locale) => {
  const [language] = locale.split('-');
  const here = levels[language] === 'modern' || offered.includes(language);
  return here && Intl.DateTimeFormat.supportedLocalesOf(locale)[0] === locale;
});
for (const locale of locales) {
  for (const style of ['short', 'medium']) {
    const at = new Date(Date.UTC(2026, next(11), 13 + next(15), hours[next(hours.length)], next(60)));
    const format = new Intl.DateTimeFormat(locale, { dateStyle: style, timeStyle: 'short', timeZone: 'UTC' });
    const { calendar } = format.resolvedOptions();
    const order = format
      .formatToParts(at)
      .map(({ type }) => (['day', 'month', 'year'].includes(type) ? type[0] : ''))
      .filter((type) => type !== '')
      .filter((type, index, all) => all.indexOf(type) === index)
      .join('');
    console.log([locale, calendar, order, at.toISOString().slice(0, 16), format.format(at)].join('\t'));
  }
}
