import type {
  ArtifactFiles,
  ArtifactSink,
  CopyReport,
  SchemaEntry,
  StoreContent,
  StoreDriver,
} from './driver';
import { InventoriedSink } from './inventory';
import { bytesOf } from './lines';

/** What is learnt of a copy from its lines. */
export interface LineDigests<Line> {
  add(line: Line): void;
  schema(): SchemaEntry[];
  content(): StoreContent;
}

/** A driver whose copy is one file, with a line of JSON for each thing in the store, in the order that they are read in. */
export abstract class LineDriver<Line> implements StoreDriver {
  /** @param file Name of the file. */
  protected constructor(private readonly file: string) {}

  protected abstract version(): Promise<string>;
  protected abstract newDigests(): LineDigests<Line>;
  protected abstract lines(): AsyncGenerator<Line>;
  abstract restore(files: ArtifactFiles): Promise<void>;

  async backup(sink: ArtifactSink): Promise<CopyReport> {
    const inventoried = new InventoriedSink(sink);
    const serverVersion = await this.version();
    const digests = this.newDigests();
    await inventoried.write(this.file, bytesOf(this.noted(digests)));
    await inventoried.finish();
    return { serverVersion, schema: digests.schema(), content: digests.content() };
  }

  async content(): Promise<StoreContent> {
    const digests = this.newDigests();
    for await (const line of this.lines()) digests.add(line);
    return digests.content();
  }

  async close(): Promise<void> {
    // Requests share no connection that needs closing.
  }

  private async *noted(digests: LineDigests<Line>): AsyncGenerator<string> {
    for await (const line of this.lines()) {
      // Both see the same: what is in the file is what the digests are of.
      digests.add(line);
      yield JSON.stringify(line);
    }
  }
}
