//! The front page of the auditors' door, for people: whose log, how large, and how to check it.

use creditbay_configs::peers::entry::Title;
use creditbay_protocol::checkpoint::SignedCheckpoint;

/// The page.
pub fn front(head: &SignedCheckpoint, title: Option<&Title>) -> String {
    let checkpoint = head.checkpoint();
    let [hans, hant, pt, en] = title.map_or(["", "", "", ""], Title::texts);
    format!(
        r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{origin}</title>
<style>
 body {{ font: 16px/1.6 system-ui, "Noto Sans CJK SC", sans-serif; color: #1c2733; background: #f6f7f9; margin: 0 }}
 main {{ max-width: 46rem; margin: 3rem auto; padding: 2rem 2.5rem; background: #fff; border: 1px solid #dde2e8; border-radius: 8px }}
 h1 {{ font-size: 1.4rem; margin: 0 }} h2 {{ font-size: 1rem; margin: 2rem 0 .4rem }} p {{ margin: .4rem 0 }}
 .places {{ color: #5b6b7b }} dt {{ color: #5b6b7b; float: left; clear: left; width: 6rem }} dd {{ margin: 0 0 .3rem 6rem; overflow-wrap: anywhere }}
 code, pre {{ font: 13px/1.5 ui-monospace, monospace }} pre {{ background: #f0f3f6; padding: .8rem 1rem; border-radius: 6px; overflow-x: auto }}
 a {{ color: #0b5cad }}
</style></head><body><main>
<h1>Disclosure log {origin}</h1>
<p class="places">{hans} · {hant} · {pt} · {en}</p>
<p lang="zh-Hans">信用湾区披露日志：每一次跨境查询与答复都先写入日志，再发出。</p>
<p lang="zh-Hant">信用灣區披露日誌：每一次跨境查詢與答覆都先寫入日誌，再發出。</p>
<p lang="pt">Registo de divulgações: cada consulta e resposta entra no registo antes de sair.</p>
<p>Every query and answer that crosses the border stands in this log before it leaves.</p>
<h2>Now</h2>
<dl><dt>Leaves</dt><dd>{size}</dd><dt>Root</dt><dd><code>{root}</code></dd></dl>
<h2>Check it yourself</h2>
<p><a href="/checkpoint">/checkpoint</a> and <code>/tile/…</code> follow C2SP tlog-tiles, so any tool that speaks it can verify this log.
Entry bundles are for auditors that the operator enrolled.</p>
<pre>creditbay log verify URL --network network.toml --region REGION --auditor-key FILE --auditor-name NAME</pre>
</main></body></html>
"#,
        origin = checkpoint.origin,
        size = checkpoint.size,
        root = checkpoint.root.to_base64(),
    )
}
