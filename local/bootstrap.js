#!/usr/bin/env node
'use strict';
// Entry of every npm script: installs the packages and compiles the sources when they changed, then runs the CLI.
// Plain CommonJS without dependencies and with old syntax, because it runs before anything is installed.

const OLDEST_NODE = 18;
if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
  console.error(`error: Node.js ${process.versions.node} is too old to start agent-data-platform.`);
  console.error(
    `fix: install Node.js ${OLDEST_NODE} or newer (https://nodejs.org), then run the command again.`,
  );
  process.exit(3);
}

const { spawn, spawnSync } = require('child_process');
const crypto = require('crypto');
const fs = require('fs');
const os = require('os');
const path = require('path');

const root = path.dirname(__dirname);
const dist = path.join(root, 'dist');
const cli = path.join(dist, 'local', 'cli.js');
const modules = path.join(root, 'node_modules');
const installStamp = path.join(modules, '.agent-data-platform-lock-hash');
const compileStamp = path.join(dist, '.compiled.json');
const GENERATED = new Set(['node_modules', 'dist', '.git']);

/** Runs one slow preparation with its duration on stderr; exits with its status when it fails. */
function prepare(title, command, args) {
  const startedAt = Date.now();
  console.error(`• ${title}`);
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], env: childEnvironment() });
  const took = `${((Date.now() - startedAt) / 1000).toFixed(1)} s`;
  if (result.error)
    fail(`${title} could not start: ${result.error.message}.`, `Check that ${command} is installed.`, 3);
  if (result.signal) process.exit(128 + os.constants.signals[result.signal]);
  if (result.status !== 0)
    fail(
      `${title} failed after ${took}.`,
      'Correct what the lines above name, then run the command again.',
      1,
    );
  console.error(`✓ ${title} (${took})`);
}

function fail(what, fix, exitCode) {
  console.error(`error: ${what}\nfix: ${fix}`);
  process.exit(exitCode);
}

function readText(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function readJson(file) {
  const text = readText(file);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// ---- packages

function lockHash() {
  const text = readText(path.join(root, 'package-lock.json'));
  if (text === undefined)
    fail('package-lock.json is missing.', 'Restore it with: git checkout package-lock.json', 3);
  return crypto.createHash('sha256').update(text).digest('hex');
}

/** Whether node_modules holds exactly what package-lock.json says, by the record that npm itself keeps. */
function installedByNpm() {
  const wanted = readJson(path.join(root, 'package-lock.json'));
  const installed = readJson(path.join(modules, '.package-lock.json'));
  if (!wanted || !installed) return false;
  const missing = Object.keys(wanted.packages).filter((name) => {
    const want = wanted.packages[name];
    const have = installed.packages[name];
    return name !== '' && (have ? have.version !== want.version : !want.optional && !want.link);
  });
  return missing.length === 0 && Object.keys(installed.packages).every((name) => wanted.packages[name]);
}

function packagesAreCurrent(hash) {
  return readText(installStamp) === hash;
}

function installPackages(hash) {
  if (packagesAreCurrent(hash)) return;
  if (!installedByNpm()) {
    const npm = process.env.npm_execpath;
    const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
    const title = 'Installing npm packages';
    if (npm && /npm-cli\.js$/.test(npm)) prepare(title, process.execPath, [npm].concat(args));
    else prepare(title, 'npm', args);
  }
  fs.writeFileSync(installStamp, hash);
}

// ---- compilation

/** Name, size and modification time of every file the compiler reads, sorted by name. */
function sources() {
  const settings = ['tsconfig.json', 'package-lock.json'];
  const config = readText(path.join(root, 'tsconfig.json')) || '';
  const folders = ((/"include"\s*:\s*\[([^\]]*)\]/.exec(config) || [])[1] || '').match(/[\w./-]+/g) || [];
  const files = settings.concat(...folders.map((folder) => typescriptFiles(folder)));
  return files.sort().map((file) => {
    const stat = fs.statSync(path.join(root, file));
    return [file, stat.size, stat.mtimeMs];
  });
}

function typescriptFiles(folder) {
  const absolute = path.join(root, folder);
  if (!fs.existsSync(absolute)) return [];
  return [].concat(
    ...fs.readdirSync(absolute, { withFileTypes: true }).map((entry) => {
      const name = path.join(folder, entry.name);
      if (entry.isDirectory()) return GENERATED.has(entry.name) ? [] : typescriptFiles(name);
      return /\.(ts|json)$/.test(entry.name) ? [name] : [];
    }),
  );
}

function outputIsCurrent(current) {
  return fs.existsSync(cli) && readText(compileStamp) === JSON.stringify(current);
}

function compile() {
  const current = sources();
  if (outputIsCurrent(current)) return;
  const before = readJson(compileStamp) || [];
  // Without an output of its own the incremental record would make the compiler skip files that are gone.
  if (!fs.existsSync(cli)) fs.rmSync(path.join(dist, '.tsbuildinfo'), { force: true });
  fs.rmSync(compileStamp, { force: true });
  prepare('Compiling TypeScript', node22(), [
    path.join(modules, 'typescript', 'bin', 'tsc'),
    '-p',
    path.join(root, 'tsconfig.json'),
  ]);
  const names = new Set(current.map((entry) => entry[0]));
  const removed = before.map((entry) => entry[0]).filter((name) => /\.ts$/.test(name) && !names.has(name));
  for (const name of removed) fs.rmSync(path.join(dist, name.replace(/\.ts$/, '.js')), { force: true });
  fs.writeFileSync(compileStamp, JSON.stringify(current));
}

// ---- one preparation at a time

/** Start time of a live process, which tells it from a later one with the same pid; undefined when it is gone. */
function startTime(pid) {
  if (process.platform === 'linux') {
    const stat = readText(`/proc/${pid}/stat`);
    return stat && stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  }
  try {
    process.kill(pid, 0);
    return 'alive';
  } catch (error) {
    return error.code === 'EPERM' ? 'alive' : undefined;
  }
}

/** Claims first and looks for other living claims second, so that two processes can never both go on. */
function withPreparationLock(run) {
  const folder = path.join(dist, '.preparing');
  const claim = path.join(folder, `${process.pid}.${startTime(process.pid)}`);
  fs.mkdirSync(folder, { recursive: true });
  for (let told = false; ; told = true) {
    fs.writeFileSync(claim, '');
    const holder = fs.readdirSync(folder).find((name) => {
      if (name === path.basename(claim)) return false;
      const [pid, started] = name.split('.');
      if (startTime(Number(pid)) === started) return true;
      fs.rmSync(path.join(folder, name), { force: true });
      return false;
    });
    if (!holder) break;
    fs.rmSync(claim);
    if (!told)
      console.error(`Waiting for process ${holder.split('.')[0]}, which installs or compiles already`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100 + Math.random() * 200);
  }
  try {
    run();
  } finally {
    fs.rmSync(claim, { force: true });
  }
}

// ---- the CLI itself

/** Whether this very process can run the compiled code, which loads ES modules with require(). */
function isNode22() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  return major > 22 || (major === 22 && minor >= 12);
}

function node22() {
  if (isNode22()) return process.execPath;
  const packaged = path.join(modules, 'node', 'bin', 'node');
  if (!fs.existsSync(packaged)) {
    fail(
      `Node.js 22.12 or newer is needed, this is ${process.versions.node}, and the npm package "node" is not installed.`,
      'Install Node.js 22, or run `npm ci` with install scripts enabled.',
      3,
    );
  }
  return packaged;
}

function childEnvironment() {
  const proxy = process.env.HTTPS_PROXY || process.env.https_proxy;
  return Object.assign(
    { NODE_COMPILE_CACHE: path.join(dist, '.compile-cache') },
    proxy ? { NODE_USE_ENV_PROXY: '1' } : {},
    process.env,
  );
}

/** Replaces this process as far as Node can: same terminal, signals passed on, exit code passed back. */
function runCli() {
  const child = spawn(node22(), [cli].concat(process.argv.slice(2)), {
    stdio: 'inherit',
    env: childEnvironment(),
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // A terminal sends Ctrl-C to the whole foreground group; a second one would make Pulumi give up at once.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on('error', (error) =>
    fail(`The command line could not start: ${error.message}.`, 'Run `npm ci`.', 1),
  );
  child.on('exit', (code, signal) => process.exit(signal ? 128 + os.constants.signals[signal] : code));
}

const hash = lockHash();
if (!packagesAreCurrent(hash) || !outputIsCurrent(sources())) {
  withPreparationLock(() => {
    installPackages(hash);
    compile();
  });
}
runCli();
