import { type Client, errors } from '@elastic/elasticsearch';
import type { LeaseRecord, LeaseStorage } from '../../engine/lease';

type Content = Omit<LeaseRecord, 'token'>;

/**
 * A lease kept as one document with conditional writes; its token is the sequence number and primary term.
 * @see https://www.elastic.co/docs/reference/elasticsearch/rest-apis/optimistic-concurrency-control
 */
export class DocumentLease implements LeaseStorage {
  constructor(
    private readonly client: Client,
    private readonly index: string,
    private readonly id: string,
  ) {}

  async read(): Promise<LeaseRecord | undefined> {
    const answer = await this.client.get<Content>({ index: this.index, id: this.id }, { ignore: [404] });
    if (!answer.found) return undefined;
    return { ...answer._source!, token: `${answer._seq_no}:${answer._primary_term}` };
  }

  async write(content: Content, expected: string | undefined): Promise<string | undefined> {
    const [if_seq_no, if_primary_term] = expected?.split(':').map(Number) ?? [];
    try {
      const { _seq_no, _primary_term } = await this.client.index({
        index: this.index,
        id: this.id,
        document: content,
        ...(expected === undefined ? { op_type: 'create' } : { if_seq_no, if_primary_term }),
      });
      return `${_seq_no}:${_primary_term}`;
    } catch (error) {
      if (error instanceof errors.ResponseError && error.statusCode === 409) return undefined;
      throw error;
    }
  }
}
