//! A small disk of its own: ext4 in a loop image, to be copied, filled and freed, broken and mended, or btrfs, whose quotas bind everybody,
//! root too. There is none where loop devices cannot be mounted.
//!
//! Not here: what lies on it.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// What fills the disk, beside whatever else lies on it.
const BALLAST: &str = "ballast";

/// A mounted loop image; unmounted when it goes.
pub struct LoopDisk {
    image: PathBuf,
    at: PathBuf,
    options: &'static str,
}

impl LoopDisk {
    /// Makes an image with an empty file system of so many MiB; whether that could be done.
    pub fn make_image(image: &Path, mib: u64) -> bool {
        let file = File::create(image).and_then(|file| file.set_len(mib << 20));
        file.is_ok() && run("mkfs.ext4", &["-q", "-F", "-m", "0", &image.display().to_string()])
    }

    /// Mounts an image at a folder, if that can be done here.
    pub fn mount(image: &Path, at: &Path) -> Option<Self> {
        fs::create_dir_all(at).ok()?;
        let disk = Self { image: image.to_owned(), at: at.to_owned(), options: "loop,errors=remount-ro" };
        disk.attach().then_some(disk)
    }

    /// Makes and mounts an image of so many MiB whose files can be bounded, if that can be done here.
    pub fn with_quota(image: &Path, mib: u64, at: &Path) -> Option<Self> {
        File::create(image).and_then(|file| file.set_len(mib << 20)).ok()?;
        fs::create_dir_all(at).ok()?;
        let disk = Self { image: image.to_owned(), at: at.to_owned(), options: "loop" };
        let made = run("mkfs.btrfs", &["-q", &image.display().to_string()]) && disk.attach();
        (made && run("btrfs", &["quota", "enable", &at.display().to_string()])).then_some(disk)
    }

    /// All files together may take so many MiB from now on; any number where none is given.
    pub fn limit(&self, mib: Option<u64>) -> Result<()> {
        let limit = mib.map_or_else(|| "none".to_owned(), |mib| format!("{mib}M"));
        anyhow::ensure!(run("btrfs", &["qgroup", "limit", &limit, &self.at.display().to_string()]), "no quota was set");
        Ok(())
    }

    fn attach(&self) -> bool {
        run("mount", &["-o", self.options, &self.image.display().to_string(), &self.at.display().to_string()])
    }

    /// Tells the file system of an error, as a broken disk does: it takes no write from then on. Whether that could be done.
    pub fn turn_read_only(&self) -> bool {
        let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
        let at = self.at.display().to_string();
        let mut devices = mounts.lines().filter_map(|line| line.split_once(' ')).filter(|(_, rest)| rest.starts_with(&at));
        let Some(device) = devices.next().and_then(|(device, _)| Path::new(device).file_name()) else { return false };
        let trigger = Path::new("/sys/fs/ext4").join(device).join("trigger_fs_error");
        fs::write(trigger, "an error for a test").is_ok()
    }

    /// Repairs the file system and mounts it again at the same folder. For a disk of which nothing is open.
    pub fn mend(&self) -> Result<()> {
        anyhow::ensure!(run("umount", &[&self.at.display().to_string()]), "{} is busy", self.at.display());
        // 1 says that errors were corrected, as they should be.
        let checked = Command::new("e2fsck").arg("-p").arg(&self.image).output()?;
        anyhow::ensure!(matches!(checked.status.code(), Some(0 | 1)), "e2fsck: {checked:?}");
        anyhow::ensure!(self.attach(), "the mended image does not mount");
        Ok(())
    }

    /// Where it is mounted.
    pub fn folder(&self) -> &Path {
        &self.at
    }

    /// Fills the disk until only `leave_mib` MiB are free; with 0, to its last block.
    pub fn fill(&self, leave_mib: u64) -> Result<()> {
        let mut ballast = fs::OpenOptions::new().create(true).append(true).open(self.at.join(BALLAST))?;
        let mut piece = vec![0x5a; 1 << 20];
        while free_mib(&self.at)? > leave_mib || leave_mib == 0 {
            match ballast.write(&piece).and_then(|written| ballast.sync_data().map(|()| written)) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull && piece.len() > 1 => piece.truncate(piece.len() / 2),
                Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(()),
                Err(error) => return Err(error).context("filling the disk"),
            }
        }
        Ok(())
    }

    /// Takes away what `fill` wrote.
    pub fn free(&self) -> Result<()> {
        Ok(fs::remove_file(self.at.join(BALLAST))?)
    }
}

impl Drop for LoopDisk {
    fn drop(&mut self) {
        run("umount", &[&self.at.display().to_string()]);
    }
}

fn free_mib(folder: &Path) -> Result<u64> {
    let stat = rustix::fs::statvfs(folder)?;
    Ok((stat.f_bavail * stat.f_frsize) >> 20)
}

/// Runs a program; whether it did what it should.
pub fn run(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}
