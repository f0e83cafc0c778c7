// A first run also transforms the modules a test loads, on a machine that may be busy.
jest.setTimeout(60_000);
