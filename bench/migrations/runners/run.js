/**
 * `node run.js <tool> <options as JSON> [repeat]`: applies what is pending; with a number, does it that often in this one
 * process and prints the milliseconds of each as JSON.
 */
const tools = require('./tools');

async function main([tool, options, repeat]) {
  const once = () => tools[tool](JSON.parse(options));
  if (repeat === undefined) return once();
  const times = [];
  for (let run = 0; run < Number(repeat); run++) {
    const start = performance.now();
    await once();
    times.push(performance.now() - start);
  }
  console.log(JSON.stringify(times));
}

main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
