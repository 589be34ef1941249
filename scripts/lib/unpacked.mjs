/** How to run a program of Debian packages that were unpacked into a folder: with their own loader and libraries. */
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** `command prefix...` starts it: its libc may be newer than the host's. */
export function unpackedProgram(root, path, libraryDirs = []) {
  const loader = findLoader(root);
  const triplet = readdirSync(join(root, 'usr/lib')).find((name) => /-linux-gnu/.test(name));
  if (loader === null || triplet === undefined) throw new Error(`no loader in the unpacked packages below ${root}`);
  const libraries = [join('usr/lib', triplet), join('lib', triplet), ...libraryDirs].map((dir) => join(root, dir));
  return { command: loader, prefix: ['--library-path', libraries.join(':'), join(root, path)] };
}

export function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function findLoader(root) {
  for (const dir of ['usr/lib64', 'lib64', 'usr/lib', 'lib']) {
    const path = join(root, dir);
    if (!existsSync(path)) continue;
    const name = readdirSync(path).find((entry) => /^ld-linux-.*\.so\.\d+$/.test(entry));
    if (name !== undefined && isExecutable(join(path, name))) return join(path, name);
  }
  return null;
}
