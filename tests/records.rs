//! What an operator tells a running node of its records, and what the node answers from then on.

use harness::network::{Ended, Network};
use harness::samples::{copy_records, folder};
use serde_json::{Value, json};

const GZ_OBJECTING: &str = "91440104YL1004197K";
const GZ_DECIDED: &str = "91440104YL1000014F";

struct Operated {
    network: Network,
    runtime: tokio::runtime::Runtime,
}

impl Operated {
    fn records(&self, arguments: &[&str]) -> Ended {
        let node = self.network.folder().join("gz").display().to_string();
        self.network.creditbay([&["--json", "records"], arguments, &["--node", &node]].concat()).unwrap()
    }

    /// Truth and mark of a list about a company, as Hong Kong hears it.
    fn asked(&self, code: &str, list: &str) -> (String, bool) {
        let question = json!({"purpose": "FIN", "operator": "a.chan", "subject": {"scheme": "uscc", "value": code},
            "predicates": [{"shape": "not_listed", "of": list, "window_months": 0}]});
        let said = self.runtime.block_on(self.network.query("hk", &question)).unwrap();
        let verdict = &said.body["attestation"]["content"]["answers"][0]["verdict"];
        (verdict["truth"]["value"].as_str().unwrap_or_default().to_owned(), verdict["contested"].as_bool().unwrap_or_default())
    }
}

fn json_of(ended: &Ended) -> Value {
    assert_eq!(ended.code, 0, "{ended:?}");
    serde_json::from_str(ended.stdout.trim()).unwrap()
}

#[test]
fn a_repair_a_withdrawal_and_an_objection_change_the_next_answer_and_status_tells_what_is_held() {
    let folder_of_test = tempfile::tempdir().unwrap();
    let network = Network::start(&folder_of_test.path().join("n"), &["gz", "hk"]).unwrap();
    let files = copy_records("gz", &folder_of_test.path().join("records")).unwrap();
    assert_eq!(network.import("gz", &files).unwrap().code, 5);
    let operated = Operated { network, runtime: tokio::runtime::Runtime::new().unwrap() };

    let status = json_of(&operated.records(&["status"]));
    let register = |name: &str| status["registers"].as_array().unwrap().iter().find(|entry| entry["register"] == name).cloned();
    let tax = register("TAX_GRADE").unwrap();
    assert!(tax["rows"].as_u64().unwrap() > 10 && tax["stale"] == false && tax["stale_after_days"].is_u64(), "{tax}");
    assert!(register("SER_ANY").is_none() && register("REPORT_VERIFY").unwrap()["rows"] == 5, "{status}");
    assert!(status["persons"].as_u64().unwrap() > 10 && status["subjects"].as_u64().unwrap() > 150, "{status}");

    // Pending in the samples; then found right, so that the listing is gone.
    assert_eq!(operated.asked(GZ_OBJECTING, "SER_TAX"), ("FALSE".to_owned(), true));
    let register_file = std::fs::read_to_string(folder().join("records/gz/register-objection.csv")).unwrap();
    let row: Vec<&str> = register_file.lines().find(|line| line.contains(GZ_OBJECTING)).unwrap().split(',').collect();
    let subject = format!("uscc:{GZ_OBJECTING}");
    let named = ["--subject", &subject, "--document", row[2], "--authority", row[3]];
    let upheld = json_of(&operated.records(&[&["object", "upheld"], &named[..]].concat()));
    assert!(upheld["outcome"] == "added" && upheld["matched"] == true && upheld["due"] == json!([]), "{upheld}");
    assert_eq!(operated.asked(GZ_OBJECTING, "SER_TAX"), ("TRUE".to_owned(), false));

    // Raised: marked, and told what is due.
    let lists = std::fs::read_to_string(folder().join("records/gz/register-ser-wage.csv")).unwrap();
    let keeper = lists.split("authority=").nth(1).unwrap().split(',').next().unwrap();
    let document = lists.lines().find(|line| line.contains(GZ_DECIDED)).unwrap().split(',').nth(3).unwrap();
    let subject = format!("uscc:{GZ_DECIDED}");
    let named = ["--subject", &subject, "--document", document, "--authority", keeper];
    let raised = json_of(&operated.records(&[&["object", "raised"], &named[..]].concat()));
    assert!(raised["due"].as_array().unwrap().len() == 2 && raised["matched"] == true, "{raised}");
    assert_eq!(operated.asked(GZ_DECIDED, "SER_WAGE"), ("FALSE".to_owned(), true));
    json_of(&operated.records(&[&["repair"], &named[..]].concat()));
    assert_eq!(operated.asked(GZ_DECIDED, "SER_WAGE").0, "TRUE");

    // Nothing is kept about a person, of a mistyped code, or of a report that nobody gave out; and no answer repeats what was typed.
    for subject in ["uscc:440106199003071231", "ric:440106199003071231", "uscc:91440104YL1000014G"] {
        let refused = operated.records(&["withdraw", "--subject", subject, "--document", "1", "--authority", "2"]);
        let code = subject.split(':').nth(1).unwrap();
        assert!(refused.code == 1 && !format!("{refused:?}").contains(code), "{refused:?}");
    }
    let report = folder().join("reports/gz-3.txt").display().to_string();
    json_of(&operated.records(&["withdraw", "--report", &report]));
    let unknown = operated.records(&["withdraw", "--report-digest", &"0".repeat(64)]);
    assert!(unknown.code == 1 && format!("{unknown:?}").contains("no report was given out"), "{unknown:?}");
}
