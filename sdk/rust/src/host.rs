//! What the host gives to every kind of plugin: its log and counters, parameters, and the context of
//! a call. Views of the host's memory; the barrier that keeps every panic inside.
use crate::abi;
use crate::{Answer, Error, Status, U256};
use std::marker::PhantomData;
use std::panic::{catch_unwind, AssertUnwindSafe};

/// The host's services; lives as long as the instance that it was given to.
#[derive(Clone, Copy)]
pub struct Host {
    raw: *const abi::gantry_host,
}

// SAFETY: all functions of the table are [worker]: any thread, also concurrently.
unsafe impl Send for Host {}
// SAFETY: as above.
unsafe impl Sync for Host {}

impl Host {
    /// # Safety
    /// `raw` is null or lasts as long as every copy of what is returned.
    pub(crate) unsafe fn new(raw: *const abi::gantry_host) -> Host {
        Host { raw }
    }

    fn raw(&self) -> Option<&abi::gantry_host> {
        // SAFETY: by the contract of new().
        unsafe { self.raw.as_ref() }
    }

    fn log(&self, severity: i32, line: &str) {
        if let Some(host) = self.raw() {
            // SAFETY: the host's own function, with what it asks for.
            unsafe { (host.log)(host.self_, severity, c_string(line)) }
        }
    }

    /// Logs one line; the host bounds length and rate.
    pub fn debug(&self, line: &str) {
        self.log(abi::LOG_DEBUG, line);
    }
    /// Logs one line; the host bounds length and rate.
    pub fn info(&self, line: &str) {
        self.log(abi::LOG_INFO, line);
    }
    /// Logs one line; the host bounds length and rate.
    pub fn warning(&self, line: &str) {
        self.log(abi::LOG_WARNING, line);
    }
    /// Logs one line; the host bounds length and rate.
    pub fn error(&self, line: &str) {
        self.log(abi::LOG_ERROR, line);
    }

    /// Adds to a counter of the plugin's.
    pub fn count(&self, name: &str, increment: u64) {
        if let Some(host) = self.raw() {
            // SAFETY: the host's own function, with what it asks for.
            unsafe { (host.count)(host.self_, c_string(name), increment) }
        }
    }

    /// Records one value of a distribution; never a time.
    pub fn observe(&self, name: &str, value: f64) {
        if let Some(host) = self.raw() {
            // SAFETY: the host's own function, with what it asks for.
            unsafe { (host.observe)(host.self_, c_string(name), value) }
        }
    }
}

/// What an instance is made of: its name, chain and parameters. Copy what you keep.
pub struct Config<'a> {
    raw: &'a abi::gantry_instance_config,
}

impl<'a> Config<'a> {
    /// # Safety
    /// What it points to lasts for 'a.
    pub(crate) unsafe fn new(raw: &'a abi::gantry_instance_config) -> Config<'a> {
        Config { raw }
    }

    /// Of the instance, as in the TOML.
    pub fn name(&self) -> &'a str {
        // SAFETY: by the contract of new().
        unsafe { text(self.raw.name) }
    }
    /// As "eip155:1".
    pub fn chain(&self) -> &'a str {
        // SAFETY: by the contract of new().
        unsafe { text(self.raw.chain) }
    }

    /// A parameter of the manifest. Asking for one that the manifest lacks, or as another type, is
    /// a bug of the plugin: create() fails with the text.
    pub fn boolean(&self, key: &str) -> Result<bool, Error> {
        Ok(self.find(key, abi::PARAMETER_BOOLEAN)?.integer != 0)
    }
    /// As boolean().
    pub fn integer(&self, key: &str) -> Result<i64, Error> {
        Ok(self.find(key, abi::PARAMETER_INTEGER)?.integer)
    }
    /// As boolean().
    pub fn number(&self, key: &str) -> Result<f64, Error> {
        Ok(self.find(key, abi::PARAMETER_NUMBER)?.number)
    }
    /// As boolean().
    pub fn string(&self, key: &str) -> Result<&'a str, Error> {
        // SAFETY: by the contract of new().
        Ok(unsafe { text(self.find(key, abi::PARAMETER_STRING)?.string) })
    }
    /// As boolean().
    pub fn amount(&self, key: &str) -> Result<U256, Error> {
        Ok(self.find(key, abi::PARAMETER_AMOUNT)?.amount)
    }

    fn find(&self, key: &str, kind: i32) -> Result<&'a abi::gantry_parameter, Error> {
        // SAFETY: by the contract of new().
        let all = unsafe { slice(self.raw.parameters, u64::from(self.raw.parameter_count)) };
        all.iter()
            // SAFETY: by the contract of new().
            .find(|one| one.r#type == kind && unsafe { text(one.name) } == key)
            .ok_or_else(|| Error {
                status: Status::PluginFault,
                message: format!(
                    "the manifest declares no parameter '{}' of the type asked for",
                    key
                ),
            })
    }
}

/// What every call may know of time.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    raw: &'a abi::gantry_context,
}

impl<'a> Context<'a> {
    /// # Safety
    /// What it points to lasts for 'a.
    pub(crate) unsafe fn new(raw: &'a abi::gantry_context) -> Context<'a> {
        Context { raw }
    }
    /// CAIP-2, as "eip155:1".
    pub fn chain(&self) -> &'a str {
        // SAFETY: by the contract of new().
        unsafe { text(self.raw.chain) }
    }
    /// The block whose state is read.
    pub fn state_block(&self) -> u64 {
        self.raw.state_block
    }
    /// Its time, in seconds of the chain's clock.
    pub fn state_time_s(&self) -> u64 {
        self.raw.state_time_s
    }
    /// The block that a quote holds for.
    pub fn execution_block(&self) -> u64 {
        self.raw.execution_block
    }
    /// Its time, in seconds of the chain's clock.
    pub fn execution_time_s(&self) -> u64 {
        self.raw.execution_time_s
    }
    /// Wei per gas at the execution block; 0 where the chain has none.
    pub fn base_fee(&self) -> U256 {
        self.raw.base_fee
    }
    /// Wei per gas that would be paid in all.
    pub fn gas_price(&self) -> U256 {
        self.raw.gas_price
    }
}

// ---- what the other modules of the boundary share ----

pub(crate) fn c_string(text: &str) -> abi::gantry_string {
    abi::gantry_string { data: text.as_ptr().cast(), size: text.len() as u64 }
}

pub(crate) fn c_bytes(bytes: &[u8]) -> abi::gantry_bytes {
    abi::gantry_bytes { data: bytes.as_ptr(), size: bytes.len() as u64 }
}

/// # Safety
/// `data` is null or points to `count` values that last, unchanged, for 'a.
pub(crate) unsafe fn slice<'a, T>(data: *const T, count: u64) -> &'a [T] {
    if data.is_null() || count == 0 {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(data, count as usize) }
}

/// # Safety
/// As of slice().
pub(crate) unsafe fn bytes<'a>(from: abi::gantry_bytes) -> &'a [u8] {
    // SAFETY: the caller's promise.
    unsafe { slice(from.data, from.size) }
}

/// Text that is not UTF-8 is cut where it ceases to be.
///
/// # Safety
/// As of slice().
pub(crate) unsafe fn text<'a>(from: abi::gantry_string) -> &'a str {
    // SAFETY: the caller's promise.
    let bytes = unsafe { slice(from.data.cast::<u8>(), from.size) };
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or(""),
    }
}

/// A table's function answered: its number as an answer with what it filled.
pub(crate) fn filled<T>(code: i32, value: T) -> Answer<T> {
    Status::from_code(code).map(|()| value)
}

pub(crate) fn code_of(answer: Answer) -> i32 {
    match answer {
        Ok(()) => abi::OK,
        Err(status) => status.code(),
    }
}

/// The barrier: a panic becomes GANTRY_PLUGIN_FAULT.
pub(crate) fn guarded(call: impl FnOnce() -> Answer) -> i32 {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(answer) => code_of(answer),
        Err(payload) => {
            forget(payload);
            abi::PLUGIN_FAULT
        }
    }
}

// What was thrown may panic when it is dropped, unless it is a text.
fn forget(payload: Box<dyn std::any::Any + Send>) {
    if !payload.is::<&str>() && !payload.is::<String>() {
        std::mem::forget(payload);
    }
}

/// The barrier with a text: what failed, or what the panic said, goes to `error`.
///
/// # Safety
/// `error` is null or the caller's to be filled.
pub(crate) unsafe fn guarded_with(
    error: *mut abi::gantry_error,
    fault: i32,
    call: impl FnOnce() -> Result<(), Error>,
) -> i32 {
    let (status, message) = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(())) => return abi::OK,
        Ok(Err(failed)) => (failed.status, failed.message),
        Err(payload) => {
            let said = payload
                .downcast_ref::<&str>()
                .map(|text| String::from(*text))
                .or_else(|| payload.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| String::from("something unknown"));
            forget(payload);
            (Status::PluginFault, format!("panicked: {}", said))
        }
    };
    let fault = if status == Status::PluginFault { abi::FAULT_PLUGIN } else { fault };
    // SAFETY: the caller's promise.
    if let Some(error) = unsafe { error.as_mut() } {
        error.code = status.code();
        error.fault = fault;
        let mut end = message.len().min(error.message.len() - 1);
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        for (to, from) in error.message.iter_mut().zip(message.as_bytes()[..end].iter().chain([&0]))
        {
            *to = *from as std::os::raw::c_char;
        }
    }
    status.code()
}

/// A view with nothing of its own, which lasts as long as the call.
pub(crate) type Borrowed<'a> = PhantomData<&'a ()>;
