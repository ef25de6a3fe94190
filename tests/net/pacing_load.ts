// A reader who loads a series as a browser does: six frames at a time, again and again. On standard output a line of JSON each half
// second. In the namespace of whoever reads: started by pacing_case.ts. Arguments: token, how many frames, then a pattern with a #.
const [token = "", count = "1", pattern = ""] = process.argv.slice(2);
let next = 0, bytes = 0, frames = 0, failed = 0;

async function lane(): Promise<void> {
  for (;;) {
    const url = pattern.replaceAll("#", String((next++ % Number(count)) + 1));
    try {
      const answer = await fetch(url, { headers: { authorization: `Bearer ${token}`, accept: "image/jphc, */*;q=0.5" } });
      if (!answer.ok || !answer.body) throw new Error(String(answer.status));
      for await (const piece of answer.body) bytes += (piece as Uint8Array).length;
      frames++;
    } catch {
      failed++;
      await new Promise((done) => setTimeout(done, 200));
    }
  }
}
setInterval(() => console.log(JSON.stringify({ bytes, frames, failed })), 500);
await Promise.all(Array.from({ length: 6 }, lane));
export {};
