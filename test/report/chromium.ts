// Starts the Chromium that comes as an npm package, in a folder of its own, without root and without the network.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';

export interface RunningChromium {
  readonly browser: Browser;
  close(): Promise<void>;
}

/** Fonts of the package, and the system's where there are any; the package's own file names fixed folders only. */
function fontConfiguration(folder: string): string {
  return `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
<dir>${join(folder, 'fonts')}</dir><dir>/usr/share/fonts</dir><cachedir>${join(folder, 'font-cache')}</cachedir>
</fontconfig>`;
}

/** What a page may rely on. */
export type PageKind =
  /** Opened from disk, with the package's own flags. */
  | 'file'
  /** Served from localhost with the security of a browser at home, and WebGPU over SwiftShader. */
  | 'served';

/** Flags that would give a page what its server has to allow: shared memory without isolation, requests anywhere. */
const laxFlags =
  /^--(disable-web-security|disable-site-isolation|allow-running-insecure|disable-features|enable-features)/;
const webgpuFlags = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];

/**
 * Unpacks browser, libraries and fonts (about 200 MB, removed on close) and starts the browser.
 * The package unpacks its libraries (libnss3 and others) only where it believes to be on AWS Lambda with Amazon
 * Linux 2023, and it decides that from the environment when it is imported: hence the two variables and the late import.
 */
export async function startChromium(kind: PageKind = 'file'): Promise<RunningChromium> {
  const folder = mkdtempSync(join(tmpdir(), 'hierax-chromium-'));
  const outer = { ...process.env };
  try {
    process.env['TMPDIR'] = folder;
    process.env['AWS_LAMBDA_JS_RUNTIME'] = 'nodejs20.x';
    const { default: bundled } = await import('@sparticuz/chromium');
    const { chromium } = await import('playwright-core');
    bundled.setGraphicsMode = false;
    const executablePath = await bundled.executablePath();
    writeFileSync(join(folder, 'fonts', 'fonts.conf'), fontConfiguration(folder));
    const flags = bundled.args.filter((flag) => flag !== '--single-process');
    const browser = await chromium.launch({
      executablePath,
      args: kind === 'file' ? flags : [...flags.filter((flag) => !laxFlags.test(flag)), ...webgpuFlags],
      env: { ...outer, LD_LIBRARY_PATH: join(folder, 'al2023', 'lib'), FONTCONFIG_PATH: join(folder, 'fonts') },
    });
    return {
      browser,
      async close(): Promise<void> {
        await browser.close();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  } finally {
    process.env = outer;
  }
}
