pub(crate) mod callee;
mod calls;
mod orders;
mod requests;
pub(crate) mod stand;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;

/// A histogram as it is handed out.
fn decode(histogram: &str) -> Histogram<u64> {
    Deserializer::new().deserialize(&mut &*STANDARD.decode(histogram).unwrap()).unwrap()
}
