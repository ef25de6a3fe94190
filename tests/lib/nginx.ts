// nginx in front of a folder of broadcasts, as decision 012 asks for it: playlists are never kept, everything else is.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freeTcpPort, until } from "./gateway.ts";

export interface Nginx { url: string; process: ChildProcess; pids(): number[]; stop(): void }

export async function startNginx(folder: string): Promise<Nginx> {
  const dir = mkdtempSync(join(tmpdir(), "hz-nginx-")), port = await freeTcpPort();
  writeFileSync(join(dir, "nginx.conf"), `daemon off; pid ${dir}/pid; error_log ${dir}/error.log; worker_processes 1; user root; worker_rlimit_nofile 16384;
events { worker_connections 8192; }
http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000; types { application/vnd.apple.mpegurl m3u8; video/mp4 mp4 m4s; } default_type application/octet-stream;
  client_body_temp_path ${dir}/b; proxy_temp_path ${dir}/p; fastcgi_temp_path ${dir}/f; uwsgi_temp_path ${dir}/u; scgi_temp_path ${dir}/s;
  server { listen 127.0.0.1:${port}; location /hls/ { alias ${folder}/; location ~ \\.m3u8$ { add_header Cache-Control no-store; } } } }
`);
  const child = spawn("nginx", ["-c", join(dir, "nginx.conf"), "-e", join(dir, "error.log")], { stdio: "ignore" });
  const url = `http://127.0.0.1:${port}`;
  const pids = (): number[] => { // the master and its workers
    const master = child.pid as number;
    return [master, ...readFileSync(`/proc/${master}/task/${master}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number)];
  };
  const stop = (): void => { for (const pid of pids()) process.kill(pid, "SIGKILL"); rmSync(dir, { recursive: true, force: true }); };
  try {
    await until("nginx", 10000, async () => (await fetch(`${url}/hls/`)).status > 0);
  } catch (error) { stop(); throw error; }
  return { url, process: child, pids, stop };
}
