//! `cargo bench -p creditbay-tests --bench import [-- ROWS [SUBJECTS]]`: 双公示 penalties from a CSV that is never in memory as a whole into
//! the store on disk, on one thread. Says rows per second, the largest resident set at a tenth and at the end, and what a read and a
//! verdict cost afterwards.
//!
//! Not here: the socket that a file comes through, which costs a copy, and the wait until it is whole.
#![allow(clippy::print_stdout, reason = "a bench tells what it measured")]

use std::io::{Cursor, Read};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use creditbay_configs::rules::RulePack;
use creditbay_node::host::entropy::Entropy;
use creditbay_node::host::keys::RecordKeys;
use creditbay_node::intake::event::Event;
use creditbay_node::intake::import;
use creditbay_node::intake::reading::Under;
use creditbay_node::store::on_disk::OnDisk;
use creditbay_node::store::records::Records;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::predicate::LawOfOrigin;
use harness::samples;

/// Rows, and companies that they are about, where nothing is said.
const ROWS: usize = 1_000_000;
const SUBJECTS: usize = 200_000;
/// The cache that a node has by default.
const CACHE_MIB: u64 = 64;
const NOW: Millis = Millis(1_795_500_000_000); // 2026-11-24

fn main() -> Result<()> {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let (rows, subjects) = (numbers.first().copied().unwrap_or(ROWS), numbers.get(1).copied().unwrap_or(SUBJECTS));
    let path = samples::folder().join("rules/gba-2026.1.toml");
    let pack = RulePack::parse("gba-2026.1.toml", &std::fs::read_to_string(&path)?).context("the sample pack")?;
    let folder = tempfile::tempdir()?;
    let store = Arc::new(OnDisk::open(&folder.path().join("db"), CACHE_MIB)?);
    let entropy = Arc::new(Entropy::system());
    let records = Records::open(store, RecordKeys::in_folder(folder.path(), &entropy)?, entropy)?;
    let under = Under { pack: &pack, law: LawOfOrigin::Cn, records: &records };

    println!("{rows} rows about {subjects} companies, 30 columns, cache {CACHE_MIB} MiB");
    let bytes = Rows::new(rows, subjects).bytes();
    let parsed = Instant::now();
    std::io::copy(&mut Rows::new(rows, subjects), &mut std::io::sink())?;
    println!("making them: {:.1} MB, {:.2} s, not counted below", bytes as f64 / 1e6, parsed.elapsed().as_secs_f64());
    let making = parsed.elapsed().as_secs_f64();

    let (started, worked) = (Instant::now(), cpu_seconds());
    let mut early = None;
    let summary = import(Rows::new(rows, subjects), "penalties.csv", false, &under, NOW, &mut |event| {
        if let Event::Progress { rows: done } = event
            && done as usize >= rows / 10
            && early.is_none()
        {
            early = Some(peak_mib());
        }
    })?;
    let (seconds, worked) = (started.elapsed().as_secs_f64() - making, cpu_seconds() - worked - making);
    anyhow::ensure!(summary.good == rows as u64, "{summary:?}");
    let early = early.unwrap_or_default();
    println!("imported: {seconds:.1} s, {:.0} rows/s", rows as f64 / seconds);
    println!("processor time of all threads: {worked:.1} s, {:.0} rows/s of it", rows as f64 / worked);
    println!("resident at most: {early} MiB after a tenth, {} MiB at the end", peak_mib());
    println!("on disk: {:.0} MB", size_of(folder.path())? as f64 / 1e6);

    let looked = Instant::now();
    let mut found = 0;
    for number in 0..10_000 {
        found += records.of(&Identifier::parse(Scheme::Uscc, &code(number * 7919 % subjects))?)?.len();
    }
    println!("a look-up: {:.1} µs, {:.1} records each", looked.elapsed().as_secs_f64() * 1e6 / 10_000.0, found as f64 / 10_000.0);
    Ok(())
}

/// Penalties in the layout of 2018, written as they are read.
struct Rows {
    rows: usize,
    subjects: usize,
    next: usize,
    line: Cursor<Vec<u8>>,
}

impl Rows {
    fn new(rows: usize, subjects: usize) -> Self {
        let header = "行政相对人名称,行政相对人类别,行政相对人代码_1(统一社会信用代码),行政相对人代码_2(工商注册号),行政相对人代码_3(组织机构代码),行政相对人代码_4(税务登记号),行政相对人代码_5(事业单位证书号),行政相对人代码_6(社会组织登记证号),法定代表人,法定代表人证件类型,法定代表人证件号码,证件类型,证件号码,行政处罚决定书文号,违法行为类型,违法事实,处罚依据,处罚类别,处罚内容,罚款金额（万元）,没收违法所得、没收非法财物的金额（万元）,暂扣或吊销证照名称及编号,处罚决定日期,处罚有效期,公示截止期,处罚机关,处罚机关统一社会信用代码,数据来源单位,数据来源单位统一社会信用代码,备注\n";
        Self { rows, subjects, next: 0, line: Cursor::new(header.as_bytes().to_vec()) }
    }

    fn bytes(mut self) -> u64 {
        std::io::copy(&mut self, &mut std::io::sink()).unwrap_or(0)
    }
}

impl Read for Rows {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.line.position() as usize == self.line.get_ref().len() && self.next < self.rows {
            let number = self.next;
            // Companies in no order: neighbours in the file are none in the store.
            let code = code(number.wrapping_mul(2_654_435_761) % self.subjects);
            let (month, day) = (1 + number / 28 % 10, 1 + number % 28);
            let line = format!(
                "广州样例{number}有限公司,法人及非法人组织,{code},,,,,,样例代表,身份证,440106199003071231,,,穗样市监罚〔2026〕{number}号,违反样例管理规定的行为,当事人被检查发现样例情形,《样例管理条例》第一条,警告;罚款,样例处罚内容,{}.250000,,,2026/{month:02}/{day:02},2099/12/31,,广州市样例市场监督管理局,11440100YL910001XF,广州市样例市场监督管理局,11440100YL910001XF,\n",
                number % 90
            );
            self.line = Cursor::new(line.into_bytes());
            self.next += 1;
        }
        self.line.read(buffer)
    }
}

/// A valid code of a company (GB 32100, GB 11714), all of a series that is not issued.
fn code(number: usize) -> String {
    const ALPHABET: &[u8] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
    let body = format!("YL{number:06}");
    let weighted = |text: &str, weights: &[usize], value: &dyn Fn(u8) -> usize| -> usize {
        text.bytes().zip(weights).map(|(byte, weight)| value(byte) * weight).sum()
    };
    let letter = |byte: u8| if byte.is_ascii_digit() { usize::from(byte - b'0') } else { usize::from(byte - b'A') + 10 };
    let inner = match 11 - weighted(&body, &[3, 7, 9, 10, 5, 8, 4, 2], &letter) % 11 {
        10 => "X".to_owned(),
        11 => "0".to_owned(),
        digit => digit.to_string(),
    };
    let first = format!("91440106{body}{inner}");
    let place = |byte: u8| ALPHABET.iter().position(|known| *known == byte).unwrap_or(0);
    let outer = weighted(&first, &[1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28], &place);
    first + &char::from(ALPHABET[(31 - outer % 31) % 31]).to_string()
}

/// The largest resident set so far, in MiB.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// Processor time of this process so far; the kernel counts in hundredths.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ').skip(11).take(2);
    fields.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn size_of(folder: &std::path::Path) -> Result<u64> {
    let mut size = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let found = entry.metadata()?;
        size += if found.is_dir() { size_of(&entry.path())? } else { found.len() };
    }
    Ok(size)
}
