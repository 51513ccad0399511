//! The front page of the auditors' door, for people: whose log, how large, whether it takes leaves, and how to check it.
//!
//! Not here: anything that a leaf holds; leaves are for enrolled auditors.

use creditbay_configs::peers::entry::RegionEntry;
use creditbay_configs::rules::RulePack;
use creditbay_protocol::checkpoint::SignedCheckpoint;

/// What the page shows.
pub struct Front<'a> {
    /// The newest head.
    pub head: &'a SignedCheckpoint,
    /// Whose log, as the network directory has it.
    pub entry: &'a RegionEntry,
    /// The active rule pack.
    pub pack: &'a RulePack,
    /// Whether the log takes leaves.
    pub running: bool,
}

/// The page.
pub fn front(front: &Front<'_>) -> String {
    let Front { head, entry, pack, running } = front;
    let checkpoint = head.checkpoint();
    let [hans, hant, pt, en] = entry.title.texts().map(escaped);
    let state = if *running {
        "running"
    } else {
        "<strong>stopped</strong>: what is here is served, nothing is asked or answered until the operator has started the node again"
    };
    format!(
        r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{en}: {origin}</title>
<style>
 body {{ font: 16px/1.6 system-ui, sans-serif; color: #1c2733; background: #f6f7f9; margin: 0 }}
 main {{ max-width: 46rem; margin: 2rem auto; padding: 2rem clamp(1rem, 5vw, 2.5rem); background: #fff; border: 1px solid #dde2e8; border-radius: 8px }}
 h1 {{ font-size: 1.5rem; line-height: 1.3; margin: 0 }} h2 {{ font-size: 1.05rem; margin: 2rem 0 .5rem }} p, ul {{ margin: .4rem 0 }}
 .said {{ border-left: 3px solid #dde2e8; padding-left: 1rem; margin-top: 1rem }}
 dl {{ display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.5rem; margin: 0 }} dt, .places {{ color: #5b6b7b }} dd {{ margin: 0; overflow-wrap: anywhere }}
 code, pre {{ font: 14px/1.6 ui-monospace, monospace }} pre {{ background: #f0f3f6; padding: .8rem 1rem; border-radius: 6px; margin: .6rem 0; white-space: pre-wrap; overflow-wrap: anywhere }}
 a {{ color: #0b5cad }} strong {{ color: #a3230f }}
</style></head><body><main>
<h1>Disclosure log of {en}</h1>
<p class="places"><span lang="zh-Hans">{hans}</span> · <span lang="zh-Hant">{hant}</span> · <span lang="pt">{pt}</span> · <code>{origin}</code></p>
<div class="said">
<p>Every query and answer about a company's credit standing that leaves {en} for another region stands in this log before it leaves.</p>
<p lang="zh-Hans">信用湾区披露日志：每一次跨境查询与答复都先写入日志，再发出。</p>
<p lang="zh-Hant">信用灣區披露日誌：每一次跨境查詢與答覆都先寫入日誌，再發出。</p>
<p lang="pt">Registo de divulgações: cada consulta e resposta entra no registo antes de sair.</p>
</div>
<h2>Now</h2>
<dl><dt>Leaves</dt><dd>{size}</dd><dt>Root</dt><dd><code>{root}</code></dd><dt>State</dt><dd>{state}</dd>
<dt>Log's key</dt><dd><code>{key}</code></dd><dt>Rule pack</dt><dd>{pack_id}, SHA-256 <code>{pack}</code></dd></dl>
<h2>Check it yourself</h2>
<p><a href="/checkpoint">/checkpoint</a> and <code>/tile/…</code> follow <a href="https://c2sp.org/tlog-tiles">C2SP tlog-tiles</a>: any tool that speaks it can verify this log.
Take the log's key from the signed network directory, not from this page. Entries are for auditors whom the operator enrolled; they name no company.</p>
<pre>creditbay log verify {url} \
  --region {region} --network network.toml \
  --auditor-key FILE --auditor-name NAME</pre>
</main></body></html>
"#,
        origin = checkpoint.origin,
        size = checkpoint.size,
        root = checkpoint.root.to_base64(),
        key = escaped(&entry.log.to_string()),
        url = escaped(&entry.auditors),
        region = entry.name,
        pack_id = pack.id(),
        pack = pack.digest(),
    )
}

/// Text that stands as itself in HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use creditbay_configs::peers::Directory;
    use creditbay_crypto::merkle::empty_root;
    use creditbay_crypto::note::{KeyKind, NoteSigner};
    use creditbay_crypto::secret::Seed;
    use creditbay_crypto::sign::SigningKey;
    use creditbay_protocol::checkpoint::Checkpoint;
    use creditbay_protocol::name::Region;

    use super::*;

    #[test]
    fn the_page_says_whose_log_it_is_how_to_check_it_and_whether_it_is_stopped() {
        let directory = Directory::parse("n", include_str!("../../../configs/samples/network/network.toml")).unwrap();
        let mut entry = directory.entry(Region::new("gz").unwrap()).unwrap().clone();
        entry.title.en = "Guangzhou <b>&".to_owned();
        let key = SigningKey::from_seed(Seed::from_bytes([7; 32]));
        let signer = NoteSigner::new(entry.log_origin.to_string().parse().unwrap(), KeyKind::Ed25519, key);
        let head = Checkpoint { origin: entry.log_origin, size: 0, root: empty_root() }.sign(&signer).unwrap();
        let pack = RulePack::parse("p", include_str!("../../../configs/samples/rules/gba-2026.1.toml")).unwrap();
        let page = |running| front(&Front { head: &head, entry: &entry, pack: &pack, running });
        for said in [
            "Guangzhou &lt;b&gt;&amp;",
            "广州",
            &head.checkpoint().root.to_base64(),
            &entry.auditors,
            "--region gz",
            "gba-2026.1",
            "running",
        ] {
            assert!(page(true).contains(said), "{said}");
        }
        assert!(!page(true).contains("<b>") && !page(true).contains("stopped"));
        assert!(page(false).contains("stopped"));
    }
}
