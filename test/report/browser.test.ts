// Opens the report from disk in a real browser without network: no errors, every figure visible, nothing overflows, prints.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderReport } from '../../src/report/index.js';
import { startChromium } from './chromium.js';
import type { RunningChromium } from './chromium.js';
import { exampleInput } from './exampleInput.js';

async function tryToStart(): Promise<RunningChromium | null> {
  try {
    return await startChromium();
  } catch (error) {
    if (process.env['HIERAX_REQUIRE_BROWSER'] === '1') throw error;
    console.warn(`the browser tests are skipped, Chromium did not start: ${String(error).split('\n')[0]}`);
    return null;
  }
}

const chromium = await tryToStart();

describe.skipIf(chromium === null)('the report in a browser', () => {
  const problems: string[] = [];
  let folder: string;
  let page: Page;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'hierax-report-'));
    const file = join(folder, 'report.html');
    writeFileSync(file, renderReport(exampleInput()));
    const context = await chromium!.browser.newContext({ offline: true });
    page = await context.newPage();
    page.on('console', (message) => problems.push(message.text()));
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('requestfailed', (request) => problems.push(`failed: ${request.url()}`));
    page.on('request', (request) => {
      if (request.url() !== pathToFileURL(file).href) problems.push(`requested: ${request.url()}`);
    });
    await page.goto(pathToFileURL(file).href);
  });

  afterAll(async () => {
    await chromium!.close();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const width of [1280, 800, 400]) {
    it(`fits a window of ${width} pixels, every figure visible`, async () => {
      await page.setViewportSize({ width, height: 900 });
      const layout = await page.evaluate(() => ({
        overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
        figures: [...document.querySelectorAll('svg')].map((svg) => {
          const { width, height } = svg.getBoundingClientRect();
          return Math.min(width, height);
        }),
        tooWide: [...document.querySelectorAll('main *:not(.scroll *)')].filter(
          (element) => element.getBoundingClientRect().right > document.documentElement.clientWidth + 1,
        ).length,
      }));
      expect(layout.overflow).toBe(0);
      expect(layout.tooWide).toBe(0);
      expect(layout.figures.length).toBeGreaterThan(58);
      expect(Math.min(...layout.figures)).toBeGreaterThan(4);
    });
  }

  it.each([1280, 800])('keeps every label inside its figure at %i pixels', async (width) => {
    await page.setViewportSize({ width, height: 900 });
    const outside = await page.evaluate(() =>
      [...document.querySelectorAll('figure svg')].flatMap((svg) => {
        const frame = svg.getBoundingClientRect();
        return [...svg.querySelectorAll('text')]
          .filter((text) => {
            const box = text.getBoundingClientRect();
            return box.left < frame.left || box.right > frame.right || box.bottom > frame.bottom;
          })
          .map((text) => `${svg.getAttribute('aria-label')}: ${text.textContent}`);
      }),
    );
    expect(outside).toEqual([]);
  });

  it('sorts and filters the population table', async () => {
    const table = page.locator('#population ~ .scroll table').first();
    const names = (): Promise<string[]> => table.locator('tbody tr:visible th').allTextContents();
    await table.getByRole('button', { name: 'mean' }).click();
    expect((await names())[0]).toBe('delta[Intercept,price]');
    await table.getByRole('button', { name: 'mean' }).click();
    expect((await names())[0]).toBe('delta[Intercept,Intercept]');
    await page.locator('section[aria-labelledby=population] .filter').fill('sigma_v');
    expect(await names()).toHaveLength(4);
    await page.locator('section[aria-labelledby=population] .filter').fill('');
    expect(await names()).toHaveLength(17);
  });

  it('opens folded tables on paper', async () => {
    await page.emulateMedia({ media: 'print' });
    const heights = await page.evaluate(() =>
      [...document.querySelectorAll('details table')].map((table) => table.getBoundingClientRect().height),
    );
    await page.emulateMedia({ media: 'screen' });
    expect(heights.length).toBeGreaterThan(3);
    expect(Math.min(...heights)).toBeGreaterThan(20);
    const pdf = await page.pdf({ preferCSSPageSize: true });
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
  });

  it('logged nothing and asked for nothing', () => {
    expect(problems).toEqual([]);
  });
});
