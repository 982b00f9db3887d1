/** `hostward` failed: no engine answers, for example. The message is the program's own. */
export class HostwardError extends Error {}

/** A path has no translation. The message says why, and what to do. */
export class RefusedError extends HostwardError {}

/** One mount that the engine is given, in the names of its API. */
export interface Mount {
  type: "bind" | "volume";
  source: string;
  /** The part of a volume; absent for all of it. */
  subpath?: string;
  /** Where it is below the target; absent for the target itself. */
  beneath?: string;
  read_only: boolean;
}

/** A directory that is mounted (or `volume NAME`), and what is looked at below it. */
export interface Layer {
  base: string;
  rest: string;
}

/** What `hostward explain --json` prints; docs/explain.md has each field. One without an answer is null. */
export interface Explanation {
  caller: string;
  target: string;
  asked: string;
  read_as: string | null;
  resolved: string | null;
  exists: boolean | null;
  origin: string | null;
  user_path: string | null;
  rule: string | null;
  rule_says: string | null;
  on_host: Layer | null;
  in_caller: Layer | null;
  source: string | null;
  exact: boolean | null;
  read_only: boolean | null;
  mounts: Mount[] | null;
  refused: string | null;
  reason: string | null;
  remedy: string | null;
}

/** The path on the engine's host that stands for `path` of this process. Rejects with `RefusedError` if there is none. */
export function translate(path: string): Promise<string>;

/**
 * What `path` of this process is, and which mounts the engine is given for it. A path without a translation is explained,
 * too: `refused` says why, and `remedy` what to do.
 */
export function explain(path: string): Promise<Explanation>;

/** The program `hostward`: the one of the package for this platform, or else the one in PATH. */
export function program(): string;
