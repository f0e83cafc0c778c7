import type { Change } from './target';

/** A change's file and its statements, one per line, as previews and plans show them. */
export function changeText(
  { file, transaction, ...sections }: Change,
  terminator: string,
  section: 'up' | 'down' = 'up',
): string {
  const statements = sections[section];
  const title = `${file}${transaction ? '' : ' (without transaction)'}, ${counted(statements.length, 'statement')}:`;
  return [title, ...statements.map(({ text }) => text + terminator)].join('\n');
}

/** A number with its noun: `1 change`, `2 changes`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
