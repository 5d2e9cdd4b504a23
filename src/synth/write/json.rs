//! The v2 export: PascalCase JSON lines in gzip blobs, and the manifest that lists them
//! ([endpoints §7](crate::model::domain::endpoints)).

use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

use super::content::Content;
use super::file::{OutFile, Written};
use super::sink::{Sink, Target};
use super::spelling::{JsonForm, push_json_text};
use crate::model::dataset::Dataset;
use crate::synth::request::SynthError;

/// Number of rows after which another blob begins.
const ROWS_PER_BLOB: u64 = 100_000;
/// Number of rows of a gzip member, in the blobs that have several.
const ROWS_PER_MEMBER: u64 = 20_000;

/// Entry of the manifest.
struct Blob {
    name: String,
    rows: u64,
    bytes: u64,
}

/// Writer of rows as lines of an export.
pub(in crate::synth) struct LineItem {
    /// Text before each cell, and the form of the cell, parallel to the dataset's columns.
    keys: Vec<(String, JsonForm)>,
}

impl LineItem {
    /// Writer of the lines of a dataset.
    pub(super) fn new(dataset: Dataset) -> Self {
        let columns = dataset.columns().iter().enumerate();
        let key = |at: usize, name: &str| format!("{}\"{name}\":", if at == 0 { '{' } else { ',' });
        Self {
            keys: columns
                .map(|(at, column)| (key(at, column.name), JsonForm::of(column)))
                .collect(),
        }
    }

    /// Appends a row, without a line end.
    pub(super) fn push(&self, out: &mut String, cells: &[&str]) {
        for ((key, form), cell) in self.keys.iter().zip(cells) {
            out.push_str(key);
            match form {
                // Unset values are null here, while v1 leaves them out: a reader must take both.
                JsonForm::Number | JsonForm::TextNumber | JsonForm::Date if cell.is_empty() => {
                    out.push_str("null")
                }
                JsonForm::Number => out.push_str(cell),
                JsonForm::Date => {
                    out.push('"');
                    out.push_str(cell);
                    out.push_str("T00:00:00Z\"");
                }
                JsonForm::Text | JsonForm::TextNumber => push_json_text(out, cell),
            }
        }
        out.push('}');
    }
}

/// Sink into a sequence of blobs.
pub(super) struct Lines {
    target: Target,
    item: LineItem,
    blob: Option<GzEncoder<OutFile>>,
    blobs: Vec<Blob>,
    line: String,
    content: Content,
}

impl Lines {
    /// No blob is made before there is a row.
    pub(super) fn new(target: Target) -> Self {
        let item = LineItem::new(target.dataset);
        Self {
            target,
            item,
            blob: None,
            blobs: Vec::new(),
            line: String::new(),
            content: Content::default(),
        }
    }

    /// Error of the file system in the blob at hand.
    fn fault(&self, source: std::io::Error) -> SynthError {
        let blob = self.blobs.last().expect("only an open blob is written to");
        SynthError::Io {
            path: self.target.folder.join(&blob.name),
            source,
        }
    }

    /// Blob with room for one more row, a new one where the open one is full.
    fn room(&mut self) -> Result<GzEncoder<OutFile>, SynthError> {
        match (self.blob.take(), self.blobs.last()) {
            (Some(encoder), Some(&Blob { rows, .. })) if rows < ROWS_PER_BLOB => {
                // Each second blob is made of several members, as if it had been appended to.
                if self.blobs.len() % 2 == 1 && rows.is_multiple_of(ROWS_PER_MEMBER) {
                    let file = encoder.finish().map_err(|source| self.fault(source))?;
                    return Ok(GzEncoder::new(file, Compression::new(6)));
                }
                Ok(encoder)
            }
            (full, _) => {
                self.close(full)?;
                let name = format!(
                    "part-{:05}-{}.c000.json.gz",
                    self.blobs.len(),
                    self.target.export_id
                );
                let file = OutFile::create(self.target.folder.join(&name))?;
                self.blobs.push(Blob {
                    name,
                    rows: 0,
                    bytes: 0,
                });
                Ok(GzEncoder::new(file, Compression::new(6)))
            }
        }
    }

    fn close(&mut self, blob: Option<GzEncoder<OutFile>>) -> Result<(), SynthError> {
        let Some(encoder) = blob else { return Ok(()) };
        let file = encoder.finish().map_err(|source| self.fault(source))?;
        let bytes = file.close()?;
        self.last_blob().bytes = bytes;
        Ok(())
    }

    fn last_blob(&mut self) -> &mut Blob {
        self.blobs.last_mut().expect("an open blob is listed")
    }

    /// Version of the data: of this invoice and no other, as the id ends with its digits.
    fn etag(&self) -> String {
        if self.target.versioned {
            return self.content.etag();
        }
        let id = &self.target.export_id;
        format!("{}-{}", &id[..8], &id[id.len() - 12..])
    }

    /// Text of the manifest, which lists the blobs that are written.
    fn manifest(&self) -> String {
        let Target {
            partner_id,
            invoice_number,
            export_id,
            month,
            dataset,
            ..
        } = &self.target;
        let blobs = self.blobs.iter().map(|blob| {
            let Blob { name, rows, bytes } = blob;
            format!(
                "    {{ \"name\": \"{name}\", \"partitionValue\": \"default\", \
                 \"itemCount\": {rows}, \"sizeInBytes\": {bytes} }}"
            )
        });
        let blobs = blobs.collect::<Vec<_>>().join(",\n");
        let folder = format!(
            "billed{}/v1/PartnerTenantId={partner_id}/BillingMonth={month}/\
             InvoiceId={invoice_number}",
            dataset.name()
        );
        format!(
            // The sample's `dataFormat`, not the documented `compressedJSONLines`:
            // model::domain::endpoints §7.
            "{{\n  \"id\": \"{export_id}\",\n  \"schemaVersion\": \"2\",\n  \
             \"dataFormat\": \"compressedJSON\",\n  \
             \"createdDateTime\": \"{}-{}-08T06:34:34.87Z\",\n  \"eTag\": \"{}\",\n  \
             \"partnerTenantId\": \"{partner_id}\",\n  \
             \"rootDirectory\": \"https://synthetic.invalid/{folder}\",\n  \"sasToken\": \"\",\n  \
             \"partitionType\": \"Default\",\n  \
             \"blobCount\": {},\n  \"blobs\": [\n{blobs}\n  ]\n}}\n",
            &month[..4],
            &month[4..],
            self.etag(),
            self.blobs.len()
        )
    }
}

impl Sink for Lines {
    fn row(&mut self, cells: &[&str]) -> Result<(), SynthError> {
        if self.target.versioned {
            self.content.add(self.target.dataset, cells);
        }
        self.line.clear();
        self.item.push(&mut self.line, cells);
        self.line.push('\n');
        // Taken out and put back, as a member of gzip can only be ended by giving its encoder away.
        let mut blob = self.room()?;
        blob.write_all(self.line.as_bytes())
            .map_err(|source| self.fault(source))?;
        self.blob = Some(blob);
        self.last_blob().rows += 1;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Written, SynthError> {
        let blob = self.blob.take();
        self.close(blob)?;
        let mut manifest = OutFile::create(self.target.folder.join("manifest.json"))?;
        manifest.put(self.manifest().as_bytes())?;
        let bytes = manifest.close()? + self.blobs.iter().map(|blob| blob.bytes).sum::<u64>();
        Ok(Written {
            files: self.blobs.len() as u64 + 1,
            bytes,
        })
    }
}
