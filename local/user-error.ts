/** A failure that the person at the keyboard can fix: says what is wrong, then what to do. */
export class UserError extends Error {
  /**
   * @param what One sentence that says what is wrong, with the value got.
   * @param fix One sentence that says what to do about it.
   */
  constructor(
    readonly what: string,
    readonly fix: string,
  ) {
    super(`${what} ${fix}`);
    this.name = 'UserError';
  }
}
