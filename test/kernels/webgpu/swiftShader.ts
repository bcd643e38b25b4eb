// Software Vulkan out of the npm package @sparticuz/chromium, so that WGSL runs on a machine without a GPU and without root.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';

const blockBytes = 512;

/**
 * Unpacks SwiftShader beside the installed packages, once, and returns the environment of a process that is to find it;
 * undefined where the package is not installed.
 */
export function swiftShaderEnvironment(): Record<string, string> | undefined {
  const require = createRequire(import.meta.url);
  let entry: string;
  try {
    entry = require.resolve('@sparticuz/chromium');
  } catch {
    return undefined;
  }
  const root = entry.slice(0, entry.lastIndexOf('@sparticuz'));
  const archive = join(root, '@sparticuz/chromium/bin/swiftshader.tar.br');
  const folder = join(root, '.cache/hierax-swiftshader');
  if (!existsSync(folder)) unpack(archive, folder);
  return {
    VK_ICD_FILENAMES: join(folder, 'vk_swiftshader_icd.json'),
    LD_LIBRARY_PATH: [folder, process.env.LD_LIBRARY_PATH].filter(Boolean).join(':'),
  };
}

/** Moved into place as a whole, so that two processes may unpack at once. */
function unpack(archive: string, folder: string): void {
  const partial = `${folder}.${process.pid}`;
  mkdirSync(partial, { recursive: true });
  const tar = brotliDecompressSync(readFileSync(archive));
  for (let at = 0; at + blockBytes <= tar.length;) {
    const name = text(tar, at, 100);
    if (name === '') break;
    const size = parseInt(text(tar, at + 124, 12), 8);
    const isFile = tar[at + 156] === 0 || tar[at + 156] === 0x30;
    at += blockBytes;
    if (isFile) {
      const target = join(partial, name);
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, tar.subarray(at, at + size), { mode: 0o755 });
    }
    at += Math.ceil(size / blockBytes) * blockBytes;
  }
  try {
    renameSync(partial, folder);
  } catch (error) {
    rmSync(partial, { recursive: true });
    if (!existsSync(folder)) throw error;
  }
}

function text(bytes: Buffer, start: number, length: number): string {
  const field = bytes.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.toString('latin1', 0, end < 0 ? length : end).trim();
}
