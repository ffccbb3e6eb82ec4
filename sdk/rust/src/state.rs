//! Requests, facts and pool state: which bytes a plugin needs, and what it makes of them.
use crate::abi;
use crate::host::{bytes, c_bytes, slice, Borrowed};
use crate::{Address, Answer, Status};
use std::marker::PhantomData;

/// One thing to fetch; the same `tag` comes back in the fact.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// `abi::SOURCE_*`; what target and payload mean is said there.
    pub source: i32,
    /// The plugin's own.
    pub tag: u32,
    /// Contract, emitter, account or program.
    pub target: Address,
    /// Calldata, slot, topics.
    pub payload: &'a [u8],
}

/// Where requests() puts what it needs.
pub struct RequestSink<'a> {
    raw: &'a abi::gantry_request_sink,
}

impl<'a> RequestSink<'a> {
    /// # Safety
    /// The sink may be used for 'a.
    pub(crate) unsafe fn new(raw: &'a abi::gantry_request_sink) -> RequestSink<'a> {
        RequestSink { raw }
    }
    /// The host takes a copy. `BadArgument`: unknown source; `Refused`: over a bound of the host's.
    pub fn emit(&self, request: Request<'_>) -> Answer {
        let Request { source, tag, target, payload } = request;
        let raw = abi::gantry_request { source, tag, target, payload: c_bytes(payload) };
        // SAFETY: the host's own function, by the contract of new().
        Status::from_code(unsafe { (self.raw.emit)(self.raw.self_, &raw) })
    }
}

/// One answer, or one log.
#[derive(Clone, Copy)]
pub struct Fact<'a> {
    raw: &'a abi::gantry_fact,
}

impl<'a> Fact<'a> {
    /// `abi::SOURCE_*`.
    pub fn source(&self) -> i32 {
        self.raw.source
    }
    /// Of the request; 0 for a log that nobody tagged.
    pub fn tag(&self) -> u32 {
        self.raw.tag
    }
    /// False: a revert, whose bytes are in data().
    pub fn is_ok(&self) -> bool {
        self.raw.status == abi::OK
    }
    /// Within the block; 0 unless a log, or HTTP.
    pub fn log_index(&self) -> u32 {
        self.raw.log_index
    }
    /// Where it holds.
    pub fn block(&self) -> u64 {
        self.raw.block
    }
    /// Target of the request, or emitter of the log.
    pub fn emitter(&self) -> Address {
        self.raw.emitter
    }
    /// 32 bytes each; of a Solana account its owner.
    pub fn topics(&self) -> &'a [u8] {
        // SAFETY: made by Facts::new().
        unsafe { bytes(self.raw.topics) }
    }
    /// What was returned, stored or logged.
    pub fn data(&self) -> &'a [u8] {
        // SAFETY: made by Facts::new().
        unsafe { bytes(self.raw.data) }
    }
}

/// Facts in the chain's order.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    raw: &'a [abi::gantry_fact],
}

impl<'a> Facts<'a> {
    /// # Safety
    /// They and what they point to last for 'a.
    pub(crate) unsafe fn new(facts: *const abi::gantry_fact, count: u32) -> Facts<'a> {
        // SAFETY: the caller's promise.
        Facts { raw: unsafe { slice(facts, u64::from(count)) } }
    }
    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = Fact<'a>> {
        self.raw.iter().map(|raw| Fact { raw })
    }
    /// How many.
    pub fn len(&self) -> usize {
        self.raw.len()
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }
}

/// A published state: bytes in chunks.
#[derive(Clone, Copy)]
pub struct State<'a> {
    chunks: &'a [abi::gantry_bytes],
}

impl<'a> State<'a> {
    /// # Safety
    /// What it points to lasts for 'a.
    pub(crate) unsafe fn new(raw: abi::gantry_state) -> State<'a> {
        // SAFETY: the caller's promise.
        State { chunks: unsafe { slice(raw.chunks, u64::from(raw.chunk_count)) } }
    }
    /// Empty: there is no such chunk.
    pub fn chunk(&self, index: usize) -> &'a [u8] {
        // SAFETY: by the contract of new().
        self.chunks.get(index).map_or(&[], |chunk| unsafe { bytes(*chunk) })
    }
    /// One more than the greatest index.
    pub fn chunk_count(&self) -> usize {
        self.chunks.len()
    }
}

/// Writes the next state over an old one; chunks that are not written are carried over.
pub struct StateWriter<'a> {
    raw: *const abi::gantry_state_writer,
    life: Borrowed<'a>,
}

impl<'a> StateWriter<'a> {
    /// # Safety
    /// The writer may be used for 'a.
    pub(crate) unsafe fn new(raw: *const abi::gantry_state_writer) -> StateWriter<'a> {
        StateWriter { raw, life: PhantomData }
    }
    /// Makes `content` chunk `index` of the next state. `HostFault`: over the host's bounds (64
    /// chunks, 1 MiB each), empty, or written before in another size.
    pub fn write(&self, index: u32, content: &[u8]) -> Answer {
        // SAFETY: by the contract of new(); the memory is the host's for the length of the call.
        unsafe {
            let writer = &*self.raw;
            let to = (writer.chunk)(writer.self_, index, content.len() as u64);
            if to.is_null() {
                return Err(Status::HostFault);
            }
            std::ptr::copy_nonoverlapping(content.as_ptr(), to, content.len());
        }
        Ok(())
    }
}
