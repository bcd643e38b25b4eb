// The example page in a real browser: a CSV file goes in, chains run with live traces, and the posterior holds the truth.
import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SimulatedFile, simulatedFile } from '../../examples/browser/worker/simulatedFile.js';
import { type RunningChromium, startChromium } from '../report/chromium.js';
import { type BuiltPage, buildPage } from './pageServer.js';

async function tryToStart(): Promise<RunningChromium | null> {
  try {
    return await startChromium('served');
  } catch (error) {
    if (process.env['HIERAX_REQUIRE_BROWSER'] === '1') throw error;
    console.warn(`the page's tests are skipped, Chromium did not start: ${String(error).split('\n')[0]}`);
    return null;
  }
}

const chromium = await tryToStart();
/** Most that a fit of the test may take on a busy machine, in milliseconds. */
const patience = 240_000;

interface Summary {
  readonly parameters: readonly {
    readonly name: string;
    readonly mean: number;
    readonly sd: number;
    readonly rhat: number;
    readonly essBulk: number;
  }[];
  readonly fit: { readonly device: string; readonly divergences: number; readonly drawsPerChain: number };
}

const simulated = simulatedFile({ rows: 3000, products: 6, markets: 12, x: 3, z: 1, w: 1, seed: 3 });
/** Two levels and one slope: software takes long to compile shaders and to run them. */
const small = simulatedFile({ rows: 600, products: 12, markets: 0, x: 1, z: 0, w: 0, seed: 2 });

describe.skipIf(chromium === null)('the example page', () => {
  const problems: string[] = [];
  let built: BuiltPage | undefined;
  let address: string;

  beforeAll(async () => {
    built = await buildPage();
    address = await built.serve({ isIsolated: true });
  }, patience);

  afterAll(async () => {
    await chromium!.close();
    await built?.close();
  });

  async function openPage(url = address): Promise<Page> {
    const page = await chromium!.browser.newPage({ viewport: { width: 1280, height: 900 } });
    page.on('console', (message) => problems.push(message.text()));
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('request', (request) => {
      if (!/^(http:\/\/localhost|blob:http:\/\/localhost|data:)/.test(request.url())) problems.push(request.url());
    });
    await page.goto(url);
    return page;
  }

  async function choose(page: Page, name: string, text: string): Promise<void> {
    await page.setInputFiles('#file', { name, mimeType: 'text/csv', buffer: Buffer.from(text) });
  }

  async function chooseRoles(page: Page, roles: Readonly<Record<string, string>>): Promise<void> {
    await page.waitForSelector('#choices:not([hidden])');
    for (const [column, role] of Object.entries(roles)) {
      await page.getByLabel(`Role of ${column}`, { exact: true }).selectOption(role);
    }
  }

  async function set(page: Page, values: Readonly<Record<string, number>>): Promise<void> {
    for (const [name, value] of Object.entries(values)) await page.fill(`[name=${name}]`, String(value));
  }

  /** Waits for the end of a fit; throws when the page shows a fault instead. */
  async function finished(page: Page): Promise<string> {
    await page.waitForSelector('#posterior:not([hidden]), #fault:not([hidden])', { timeout: patience });
    expect(await page.textContent('#fault')).toBe('');
    return (await page.textContent('#stage')) ?? '';
  }

  async function downloaded(page: Page, button: string): Promise<string> {
    const [download] = await Promise.all([page.waitForEvent('download'), page.click(button)]);
    return readFileSync(await download.path(), 'utf8');
  }

  /** Of each trace plot, the number of points of the canvas in the colour of the first chain. */
  function inkOfTraces(page: Page): Promise<number[]> {
    return page.evaluate(() =>
      [...document.querySelectorAll<HTMLCanvasElement>('#traces canvas')].map((canvas) => {
        const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true })!;
        copy.drawImage(canvas, 0, 0);
        const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
        let ink = 0;
        for (let i = 0; i < data.length; i += 4) {
          // Okabe and Ito's blue, more or less blended with its surroundings.
          if (data[i] < 120 && data[i + 1] > 80 && data[i + 1] < 190 && data[i + 2] > 150) ink++;
        }
        return ink;
      }),
    );
  }

  async function fitsToTheTruth(
    page: Page,
    device: 'cpu' | 'webgpu',
    { file, roles, truth }: SimulatedFile,
    settings: { readonly chains: number; readonly warmup: number; readonly draws: number },
  ): Promise<void> {
    await choose(page, 'sales.csv', await file.text());
    await chooseRoles(page, roles);
    await set(page, settings);
    await page.selectOption('[name=device]', device);
    await page.click('#fit');
    await page.waitForSelector('#sampling:not([hidden])', { timeout: patience });
    expect(await finished(page)).toBe('finished');

    const { parameters, fit } = JSON.parse(await downloaded(page, '#download-json')) as Summary;
    expect(fit.device).toMatch(device === 'cpu' ? /^WebAssembly: / : /^WebGPU \(.*swiftshader.*\): /i);
    expect(fit.drawsPerChain).toBe(settings.draws);
    expect(fit.divergences).toBeLessThan(5);
    // Every scalar of the model has its true value, and the other way round.
    expect(parameters.map(({ name }) => name)).toEqual([...truth.keys()]);
    const off = parameters.map(({ name, mean, sd }) => (mean - truth.get(name)!) / sd);
    expect(off.filter((z) => !(Math.abs(z) < 4.5))).toEqual([]);
    // The squares of standard normals would average 1; coefficients of one group hang together.
    const meanSquare = off.reduce((sum, z) => sum + z * z, 0) / off.length;
    expect(meanSquare).toBeGreaterThan(0.6);
    expect(meanSquare).toBeLessThan(1.5);
    expect(Math.max(...parameters.map(({ rhat }) => rhat))).toBeLessThan(1.05);
    expect(Math.min(...parameters.map(({ essBulk }) => essBulk))).toBeGreaterThan(100);

    const shown = await page
      .locator('#summary-population tbody tr')
      .evaluateAll((rows) => rows.map((row) => [...row.children].map(({ textContent }) => textContent)));
    const groups = roles.market === undefined ? /^beta/ : /^(beta|gamma)/;
    const population = parameters.filter(({ name }) => !groups.test(name));
    const ink = await inkOfTraces(page);
    expect(ink).toHaveLength(Math.min(6, population.length));
    expect(Math.min(...ink)).toBeGreaterThan(200);
    expect(shown.map(([name]) => name)).toEqual(population.map(({ name }) => name));
    const sigma = shown.find(([name]) => name === 'sigma')!;
    expect(Number(sigma[1])).toBeCloseTo(parameters.find(({ name }) => name === 'sigma')!.mean, 2);
  }

  it('is isolated, so that threads can share memory', async () => {
    const page = await openPage();
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    expect(await page.textContent('#environment')).toBe('');
    await page.close();
  });

  it(
    'fits a file with WebAssembly and finds the truth',
    async () => {
      const page = await openPage();
      await fitsToTheTruth(page, 'cpu', simulated, { chains: 4, warmup: 500, draws: 1000 });
      const csv = (await downloaded(page, '#download-csv')).trimEnd().split('\n');
      expect(csv[0]).toBe('name,mean,sd,mcseMean,q5,q50,q95,essBulk,essTail,rhat');
      expect(csv).toHaveLength(1 + simulated.truth.size);
      await page.close();
    },
    patience,
  );

  it(
    'fits a file with WebGPU and finds the truth',
    async () => {
      const page = await openPage();
      await fitsToTheTruth(page, 'webgpu', small, { chains: 2, warmup: 200, draws: 250 });
      await page.close();
    },
    2 * patience,
  );

  it(
    'simulates, moves while it samples, shows the truth, and stops',
    async () => {
      const page = await openPage();
      await page.click('#simulate');
      await page.waitForSelector('#choices:not([hidden])');
      await set(page, { chains: 2, warmup: 100, draws: 50_000 });
      await page.click('#fit');
      await page.waitForSelector('#sampling:not([hidden])', { timeout: patience });
      const share = (): Promise<number> => page.$eval('#progress', (bar) => (bar as HTMLProgressElement).value);
      await page.waitForFunction(
        () => [...document.querySelectorAll('#chains tr')].every(({ textContent }) => /sampling/.test(textContent)),
        undefined,
        { timeout: patience },
      );
      await page.waitForTimeout(500);
      const before = { share: await share(), ink: await inkOfTraces(page) };
      await page.waitForFunction((old) => (document.querySelector('#progress') as HTMLProgressElement).value > old + 0.002, before.share, { timeout: patience }); // prettier-ignore
      await page.click('#stop');
      expect(await finished(page)).toBe('stopped');
      expect(await page.textContent('#facts')).toMatch(/stopped: \d[\d,]* draws per chain/);
      const ink = await inkOfTraces(page);
      // An empty plot has none. How much there is after a moment depends on how busy the machine is.
      expect(Math.min(...before.ink, ...ink)).toBeGreaterThan(0);
      expect(ink.filter((points, i) => points === before.ink[i])).toEqual([]);
      const titles = await page.locator('#summary-population thead th').allTextContents();
      expect(titles.slice(0, 5)).toEqual(['name', 'truth', 'mean', 'sd', 'off by sd']);
      // A second fit starts from a clean page.
      await set(page, { draws: 50 });
      await page.click('#fit');
      await page.waitForSelector('#posterior', { state: 'hidden' });
      expect(await finished(page)).toBe('finished');
      await page.close();
    },
    patience,
  );

  it('tells in one line what is wrong with a file or a choice', async () => {
    const page = await openPage();
    const fault = async (): Promise<string | null> => {
      await page.waitForSelector('#fault:not([hidden])');
      return page.textContent('#fault');
    };
    await choose(page, 'ragged.csv', 'y,g\n1,a\n2\n');
    expect(await fault()).toBe('ragged.csv: line 3 has 1 column; the header has 2');

    const lines = (await simulated.file.text()).split('\n');
    const at = lines[0].split(',').indexOf('price');
    const cells = lines[40].split(',');
    lines[40] = cells.with(at, 'about 2').join(',');
    await choose(page, 'bad.csv', lines.join('\n'));
    await chooseRoles(page, { ...simulated.roles, price: 'unused' });
    await page.getByLabel('Role of log_sales', { exact: true }).selectOption('unused');
    await page.click('#fit');
    expect(await fault()).toMatch(/^no column is the response: choose/);
    await chooseRoles(page, simulated.roles);
    await page.click('#fit');
    await page.waitForFunction(() => /price/.test(document.querySelector('#fault')!.textContent));
    expect(await fault()).toBe(
      "bad.csv: column 'price', row 40 (line 41): 'about 2' is not a number; write a number, or nothing where it is missing",
    );
    expect(await page.isDisabled('#fit')).toBe(false);
    await chooseRoles(page, { price: 'unused', deal: 'z' });
    await page.click('#fit');
    await page.waitForFunction(() => /deal/.test(document.querySelector('#fault')!.textContent));
    expect(await fault()).toMatch(/^bad\.csv: column 'deal' \(model\.z\) differs within unit '.*\(row \d+\)/);
    await page.close();
  });

  it(
    'works on one thread where the server sends no isolation, and says so',
    async () => {
      const page = await openPage(await built!.serve({ isIsolated: false }));
      expect(await page.evaluate(() => crossOriginIsolated)).toBe(false);
      expect(await page.textContent('#environment')).toMatch(/^This page is not cross-origin isolated, .*one thread/);
      await choose(page, 'sales.csv', await simulated.file.text());
      await chooseRoles(page, simulated.roles);
      await set(page, { chains: 2, warmup: 60, draws: 60 });
      await page.click('#fit');
      expect(await finished(page)).toBe('finished');
      await page.close();
    },
    patience,
  );

  it.each([1280, 800, 400])('fits a window of %i pixels', async (width) => {
    const page = await openPage();
    await page.click('#simulate');
    await page.waitForSelector('#choices:not([hidden])');
    await set(page, { chains: 1, warmup: 50, draws: 50 });
    await page.setViewportSize({ width, height: 900 });
    await page.click('#fit');
    await finished(page);
    const layout = await page.evaluate(() => ({
      overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
      tooWide: [...document.querySelectorAll('main *:not(.scroll *)')]
        .filter((element) => element.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
        .map(({ outerHTML }) => outerHTML.slice(0, 80)),
    }));
    expect(layout).toEqual({ overflow: 0, tooWide: [] });
    await page.close();
  });

  it('logs nothing and asks other servers for nothing', () => {
    expect(problems).toEqual([]);
  });
});
