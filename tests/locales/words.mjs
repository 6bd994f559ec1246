// Makes the table of words that languages write in dates and times, from Unicode CLDR.
// `npm install && npm run words` here; a new version of CLDR is a new version in package.json.
import { createRequire } from 'node:module';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);
const folder = (name) => dirname(require.resolve(`${name}/package.json`));
const dates = join(folder('cldr-dates-full'), 'main');
const version = require('cldr-dates-full/package.json').version;
const levels = require('cldr-core/coverageLevels.json').effectiveCoverageLevels;
const periods = require('cldr-core/supplemental/dayPeriods.json').supplemental.dayPeriodRuleSet;
// Languages that the vendor offers and CLDR covers less well.
const offered = ['dz', 'lb', 'lu', 'mt', 'rm', 'rn', 'tg', 'ti', 'xh', 'yi'];

/** The table: what a word means, and the words. */
const table = new Map();
function put(meaning, word, locale) {
  if (!table.has(meaning)) table.set(meaning, new Map());
  const words = table.get(meaning);
  if (!words.has(word)) words.set(word, locale);
}

/** The words of a text as the daemon takes it apart. */
function words(text) {
  const small = [...text.normalize('NFC')].map((letter) => letter.toLowerCase()).join('');
  const joined = small
    .replace(/[\u200b-\u200f\u061c\u00ad]/gu, '')
    .replace(/(?<=[\p{L}\p{M}])\.(?=[\p{L}])/gu, '')
    .replace(/(?<![\p{L}\p{M}])(\p{L}\p{M}*)\.\s+(\p{L}\p{M}*)\./gu, '$1$2');
  return joined.match(/[\p{L}\p{M}]+/gu) ?? [];
}

/** A pattern with its fields filled in; a field that is not named becomes 1. */
function fill(pattern, fields) {
  const parts = pattern.match(/'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z']+/g) ?? [];
  return parts
    .map((part) => {
      if (part.startsWith("'")) return part === "''" ? "'" : part.slice(1, -1).replaceAll("''", "'");
      if (!/[A-Za-z]/.test(part)) return part;
      return fields[part[0]]?.(part) ?? '1';
    })
    .join('');
}

const textOf = (pattern) => (typeof pattern === 'string' ? pattern : pattern._value);

/** Phrases of texts that differ only in a value: words that most have are fillers, the others name the value. */
function differ(texts, locale) {
  const all = texts.map(([meaning, text]) => [meaning, words(text)]);
  const common = (word) => all.filter(([, found]) => found.includes(word)).length > Math.max(all.length / 3, 1);
  for (const [meaning, found] of all) {
    for (const word of found) if (common(word)) put('filler', word, locale);
    const own = found.filter((word) => !common(word));
    // One letter is an article or a mark, unless there is nothing else.
    const phrase = own.filter((word) => own.length === 1 || [...word].length > 1);
    if (phrase.length > 0) put(meaning, phrase.join('_'), locale);
    for (const word of own) if (!phrase.includes(word)) put('filler', word, locale);
  }
}

function months(calendar, locale) {
  for (const style of ['short', 'medium', 'long']) {
    const pattern = textOf(calendar.dateFormats[style]);
    const text = (month) => fill(pattern, { M: (field) => name(field, 'format', month), L: (field) => name(field, 'stand-alone', month) });
    const name = (field, kind, month) => (field.length < 3 ? '1' : calendar.months[kind][field.length === 3 ? 'abbreviated' : 'wide'][month]);
    const all = Array.from({ length: 12 }, (_, month) => [String(month + 1), text(month + 1)]);
    if (all[0][1] !== all[1][1]) differ(all, locale);
    else words(all[0][1]).forEach((word) => put('filler', word, locale));
  }
  for (const kind of ['format', 'stand-alone']) {
    for (const width of ['abbreviated', 'wide']) {
      const all = Object.entries(calendar.months[kind][width]);
      differ(all, locale);
    }
  }
}

function times(calendar, locale, language) {
  for (const style of ['short', 'medium']) {
    const pattern = textOf(calendar.timeFormats[style]);
    const names = calendar.dayPeriods.format.abbreviated;
    if (/a/.test(pattern.replace(/'[^']*'/g, ''))) {
      differ([['0-12', fill(pattern, { a: () => names.am })], ['12-24', fill(pattern, { a: () => names.pm })]], locale);
      const wide = calendar.dayPeriods.format.wide;
      differ([['0-12', wide.am], ['12-24', wide.pm]], locale);
    } else if (/B/.test(pattern)) {
      for (const [period, rule] of Object.entries(periods[locale] ?? periods[language])) {
        if (!rule._from || !names[period]) continue;
        const range = `${parseInt(rule._from)}-${parseInt(rule._before)}`;
        words(names[period]).forEach((word) => put(range, word, locale));
      }
      differ([['0-12', names.am], ['12-24', names.pm]], locale);
    } else {
      words(fill(pattern, {})).forEach((word) => put('filler', word, locale));
    }
    const plain = pattern.replaceAll("'", '"').replace(/"([^"]*)"/g, (_, text) => [...text].map((letter) => `\\${letter}`).join(''));
    const [, first, second] = plain.match(/[hHkK]+((?:\\.|[^A-Za-z])*)m+(?:((?:\\.|[^A-Za-z])*)s+)?/) ?? [];
    for (const part of [first, second]) words(part?.replaceAll('\\', '') ?? '').forEach((word) => put('separator', word, locale));
  }
  const glues = [calendar.dateTimeFormats, calendar['dateTimeFormats-atTime']?.standard ?? {}];
  for (const glue of glues) {
    for (const style of ['short', 'medium', 'long']) {
      if (glue[style]) words(fill(textOf(glue[style]).replace(/\{\d\}/g, '1'), {})).forEach((word) => put('filler', word, locale));
    }
  }
}

const locales = readdirSync(dates).filter((locale) => {
  const [language] = locale.split('-');
  const known = levels[language] === 'modern' || offered.includes(language);
  return known && existsSync(join(dates, locale, 'ca-gregorian.json'));
});
for (const locale of locales) {
  const [language] = locale.split('-');
  const calendar = require(join(dates, locale, 'ca-gregorian.json')).main[locale].dates.calendars.gregorian;
  months(calendar, locale);
  times(calendar, locale, language);
}
// Halves of the day where clocks have 24 hours: as far as nothing else is written so. English days of the week.
const free = (word) => [...word].length > 1 && ![...table.values()].some((words) => words.has(word));
for (const locale of locales) {
  const calendar = require(join(dates, locale, 'ca-gregorian.json')).main[locale].dates.calendars.gregorian;
  const { am, pm } = calendar.dayPeriods.format.abbreviated;
  const [before, after] = [words(am), words(pm)];
  if (before.length === 1 && after.length === 1 && before[0] !== after[0] && free(before[0]) && free(after[0])) {
    put('0-12', before[0], locale);
    put('12-24', after[0], locale);
  }
}
const english = require(join(dates, 'en', 'ca-gregorian.json')).main.en.dates.calendars.gregorian.days.format;
for (const day of [...Object.values(english.abbreviated), ...Object.values(english.wide)]) put('filler', words(day)[0], 'en');
// What earlier versions of CLDR wrote behind a time of day in Bulgarian and German.
for (const word of ['ч', 'uhr']) put('filler', word, 'earlier');
// The wider of two ranges: "in the morning" of a clock of two halves holds that of one of six.
for (const [narrow, words] of table) {
  const [from, to] = narrow.split('-').map(Number);
  for (const [wide, others] of table) {
    const [first, last] = wide.split('-').map(Number);
    if (wide === narrow || !(first <= from && to <= last)) continue;
    for (const word of [...words.keys()]) if (others.has(word)) words.delete(word);
  }
}
// A word of a time or of a month is no filler, whatever other languages make of it.
const meant = new Set([...table].flatMap(([meaning, words]) => (meaning === 'filler' ? [] : [...words.keys()])));
for (const word of meant) table.get('filler').delete(word);

if (process.argv.includes('--conflicts')) {
  const by = new Map();
  for (const [meaning, words] of table) for (const [word, locale] of words) by.set(word, [...(by.get(word) ?? []), `${meaning} (${locale})`]);
  for (const [word, meanings] of by) if (meanings.length > 1) console.log(word, meanings.join(', '));
  process.exit();
}
console.log(`# What words mean in dates and times, made by tests/locales/words.mjs from Unicode CLDR ${version}.`);
console.log('# Copyright © 1991-2025 Unicode, Inc., under the Unicode License v3, https://www.unicode.org/license.txt.');
console.log('# A month by its number, hours of the day, a separator within a time of day, or a filler, which says nothing.');
const order = (meaning) => [/^\d+$/.test(meaning) ? 0 : /^\d/.test(meaning) ? 1 : 2, parseInt(meaning) || 0, meaning];
const sorted = [...table].filter(([, words]) => words.size > 0).sort(([a], [b]) => (order(a).join('\0').localeCompare(order(b).join('\0'), 'en', { numeric: true })));
for (const [meaning, words] of sorted) console.log(meaning, [...words.keys()].sort().join(' '));
