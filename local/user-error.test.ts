import { UserError } from './user-error';

test('the message is what is wrong, then the fix', () => {
  const error = new UserError('Port 6443 is taken.', 'Free it.');
  expect(error.message).toBe('Port 6443 is taken. Free it.');
  expect(error.name).toBe('UserError');
  expect(error.fix).toBe('Free it.');
});
