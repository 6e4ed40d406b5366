// The same rows through supabase's client for JavaScript, postgrest-js, as its users write it.
//
// node with_postgrest_js.cjs MODULES '{"url", "token", "dump", "batch", "concurrency", "seconds"}'
// prints rows, seconds and the CPU's, as JSON. It reads the dump, sends rows for so many seconds, and stops.
// Numbers go through floats, as they do in such a script. A concurrency of 0 is the plain script: an upsert,
// and the next; else inserts, which send nothing back, so many in flight.

const { createReadStream } = require("node:fs");
const { createRequire } = require("node:module");
const { createInterface } = require("node:readline");

const [modules, settings] = process.argv.slice(2);
const { PostgrestClient } = createRequire(`${modules}/`)("@supabase/postgrest-js");
const { url, token, dump, batch, concurrency, seconds } = JSON.parse(settings);
const client = new PostgrestClient(url, { schema: "api", headers: { Authorization: `Bearer ${token}` } });

async function* batches(deadline) {
  let rows = [];
  for await (const line of createInterface({ input: createReadStream(dump) })) {
    rows.push(JSON.parse(line));
    if (rows.length === batch) {
      yield rows;
      rows = [];
      if (performance.now() > deadline) return;
    }
  }
  if (rows.length) yield rows;
}

async function main() {
  const before = process.cpuUsage();
  const start = performance.now();
  const work = batches(start + seconds * 1000);
  let count = 0;
  const worker = async () => {
    for (let next = await work.next(); !next.done; next = await work.next()) {
      const table = client.from("all_trades");
      const rows = batch === 1 ? next.value[0] : next.value;
      await (concurrency ? table.insert(rows) : table.upsert(rows)).throwOnError();
      count += next.value.length;
    }
  };
  await Promise.all(Array.from({ length: concurrency || 1 }, worker));
  const took = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(before);
  console.log(JSON.stringify({ rows: count, seconds: took, cpu_seconds: (user + system) / 1e6 }));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
