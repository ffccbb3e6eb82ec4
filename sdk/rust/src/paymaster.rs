//! "gantry.paymaster/1": finds somebody who pays for a user operation's gas. The rules of each call
//! are those of `gantry/paymaster.h`.
use crate::abi;
use crate::host::{bytes, c_bytes, c_string, guarded, guarded_with};
use crate::{Address, Answer, Config, Context, Error, Host, Status, U256};
use std::marker::PhantomData;
use std::os::raw::{c_char, c_void};

/// A paymaster: one thread at a time calls an instance.
pub trait Paymaster: Sized + Send {
    /// `Error::refused`: the parameters do not fit together.
    fn create(host: Host, config: &Config<'_>) -> Result<Self, Error>;
    /// Whether it could sponsor on this chain and EntryPoint at all. `Refused`: it could not.
    fn supports(&mut self, context: &Context<'_>, operation: &UserOperation<'_>) -> Answer;
    /// Emits the request of round `round`. `Unsupported`: no such round; `Refused`: over the cap.
    fn request(
        &mut self,
        context: &Context<'_>,
        operation: &UserOperation<'_>,
        round: u32,
        sink: &HttpSink<'_>,
    ) -> Answer;
    /// Reads the answer to round `round`; `http_status` 0: there was none.
    fn response(
        &mut self,
        context: &Context<'_>,
        operation: &UserOperation<'_>,
        round: u32,
        http_status: u32,
        body: &[u8],
    ) -> Answer<Sponsorship>;
}

/// An ERC-4337 operation before it is packed.
#[derive(Clone, Copy)]
pub struct UserOperation<'a> {
    raw: &'a abi::gantry_user_operation,
}

impl<'a> UserOperation<'a> {
    /// Numbers and addresses, by the names of paymaster.h.
    pub fn fields(&self) -> &'a abi::gantry_user_operation {
        self.raw
    }
    /// Empty: the sender exists.
    pub fn factory_data(&self) -> &'a [u8] {
        // SAFETY: made by the calls below for their length.
        unsafe { bytes(self.raw.factory_data) }
    }
    /// What the sender is to do.
    pub fn call_data(&self) -> &'a [u8] {
        // SAFETY: as above.
        unsafe { bytes(self.raw.call_data) }
    }
    /// A stub of the right length where `stub_signature` is 1.
    pub fn signature(&self) -> &'a [u8] {
        // SAFETY: as above.
        unsafe { bytes(self.raw.signature) }
    }
    /// Merged from a provisional answer.
    pub fn paymaster_data(&self) -> &'a [u8] {
        // SAFETY: as above.
        unsafe { bytes(self.raw.paymaster_data) }
    }
}

/// One request; it may name secrets as ${NAME}.
#[derive(Clone, Copy)]
pub struct HttpRequest<'a> {
    /// As "POST".
    pub method: &'a str,
    /// Whole.
    pub url: &'a str,
    /// Name and value.
    pub headers: &'a [(&'a str, &'a str)],
    /// How long the host waits.
    pub timeout_ms: u32,
    /// Whole.
    pub body: &'a [u8],
}

/// Where request() puts its request.
pub struct HttpSink<'a> {
    raw: &'a abi::gantry_http_sink,
}

impl<'a> HttpSink<'a> {
    /// The host takes a copy. `Refused`: the URL's host is not allowed, or over a bound.
    pub fn emit(&self, request: &HttpRequest<'_>) -> Answer {
        let headers: Vec<_> =
            request.headers.iter().map(|(name, value)| c_header(name, value)).collect();
        let raw = abi::gantry_http_request {
            method: c_string(request.method),
            url: c_string(request.url),
            headers: headers.as_ptr(),
            header_count: headers.len() as u32,
            timeout_ms: request.timeout_ms,
            body: c_bytes(request.body),
        };
        // SAFETY: the host's own function; made by request() for the length of its call.
        Status::from_code(unsafe { (self.raw.emit)(self.raw.self_, &raw) })
    }
}

fn c_header(name: &str, value: &str) -> abi::gantry_http_header {
    abi::gantry_http_header { name: c_string(name), value: c_string(value) }
}

/// What a sponsor answered; empty and zero fields are not merged.
#[derive(Clone, Debug, Default)]
pub struct Sponsorship {
    /// `abi::SPONSOR_*`.
    pub outcome: i32,
    /// `abi::FEE_*`.
    pub fee_mode: i32,
    /// The contract that pays.
    pub paymaster: Address,
    /// For that contract.
    pub paymaster_data: Vec<u8>,
    /// Gas.
    pub paymaster_verification_gas_limit: U256,
    /// Gas.
    pub paymaster_post_op_gas_limit: U256,
    /// Gas; 0: keep.
    pub call_gas_limit: U256,
    /// Gas; 0: keep.
    pub verification_gas_limit: U256,
    /// Gas; 0: keep.
    pub pre_verification_gas: U256,
    /// What the sponsor may be charged; never above the cap.
    pub cost_max_wei: U256,
    /// Empty: the configured bundler.
    pub submit_url: String,
    /// To send with it.
    pub submit_headers: Vec<(String, String)>,
    /// 0: not said.
    pub valid_until_s: u64,
    /// With `SPONSOR_RETRY_SAME`.
    pub retry_after_ms: u32,
    /// JSON-RPC or HTTP code, for the log.
    pub provider_code: i32,
    /// For the log.
    pub provider_message: String,
}

// A plugin with the answer that it gave last: the host may read it until the next call.
struct Kept<P> {
    plugin: P,
    answer: Sponsorship,
    headers: Vec<abi::gantry_http_header>,
}

impl<P> Kept<P> {
    fn keep(&mut self, answer: Sponsorship) -> abi::gantry_sponsorship {
        self.answer = answer;
        self.headers =
            self.answer.submit_headers.iter().map(|(name, value)| c_header(name, value)).collect();
        let answer = &self.answer;
        abi::gantry_sponsorship {
            outcome: answer.outcome,
            fee_mode: answer.fee_mode,
            paymaster: answer.paymaster,
            paymaster_data: c_bytes(&answer.paymaster_data),
            paymaster_verification_gas_limit: answer.paymaster_verification_gas_limit,
            paymaster_post_op_gas_limit: answer.paymaster_post_op_gas_limit,
            call_gas_limit: answer.call_gas_limit,
            verification_gas_limit: answer.verification_gas_limit,
            pre_verification_gas: answer.pre_verification_gas,
            cost_max_wei: answer.cost_max_wei,
            submit_url: c_string(&answer.submit_url),
            valid_until_s: answer.valid_until_s,
            retry_after_ms: answer.retry_after_ms,
            provider_code: answer.provider_code,
            provider_message: c_string(&answer.provider_message),
            submit_headers: self.headers.as_ptr(),
            submit_header_count: self.headers.len() as u32,
            reserved: 0,
        }
    }
}

/// The C functions of one paymaster type. Every argument is the host's, and is what `paymaster.h`
/// says, one call at a time for an instance: that is what each SAFETY of this block rests on.
pub(crate) struct Face<P>(PhantomData<P>);

type Instance = abi::gantry_paymaster_instance;

impl<P: Paymaster> Face<P> {
    pub(crate) const TABLE: abi::gantry_paymaster_v1 = abi::gantry_paymaster_v1 {
        create: Self::create,
        destroy: Self::destroy,
        supports: Self::supports,
        request: Self::request,
        response: Self::response,
        get_extension: Self::get_extension,
    };

    /// # Safety
    /// `instance` came from create(), was not destroyed, and nothing else of it runs.
    unsafe fn kept<'a>(instance: *mut Instance) -> &'a mut Kept<P> {
        // SAFETY: the caller's promise.
        unsafe { &mut *instance.cast::<Kept<P>>() }
    }

    unsafe extern "C" fn create(
        host: *const abi::gantry_host,
        config: *const abi::gantry_instance_config,
        out: *mut *mut Instance,
        error: *mut abi::gantry_error,
    ) -> i32 {
        // SAFETY: see Face.
        unsafe {
            guarded_with(error, abi::FAULT_OPERATOR, || {
                let plugin = P::create(Host::new(host), &Config::new(&*config))?;
                let kept = Kept { plugin, answer: Sponsorship::default(), headers: Vec::new() };
                *out = Box::into_raw(Box::new(kept)).cast();
                Ok(())
            })
        }
    }

    unsafe extern "C" fn destroy(instance: *mut Instance) {
        if !instance.is_null() {
            guarded(|| {
                // SAFETY: see Face; it was made by create().
                drop(unsafe { Box::from_raw(instance.cast::<Kept<P>>()) });
                Ok(())
            });
        }
    }

    unsafe extern "C" fn supports(
        instance: *mut Instance,
        context: *const abi::gantry_context,
        operation: *const abi::gantry_user_operation,
    ) -> i32 {
        // SAFETY: see Face.
        guarded(|| unsafe {
            let operation = UserOperation { raw: &*operation };
            Self::kept(instance).plugin.supports(&Context::new(&*context), &operation)
        })
    }

    unsafe extern "C" fn request(
        instance: *mut Instance,
        context: *const abi::gantry_context,
        operation: *const abi::gantry_user_operation,
        round: u32,
        sink: *const abi::gantry_http_sink,
    ) -> i32 {
        // SAFETY: see Face.
        guarded(|| unsafe {
            let operation = UserOperation { raw: &*operation };
            let sink = HttpSink { raw: &*sink };
            Self::kept(instance).plugin.request(&Context::new(&*context), &operation, round, &sink)
        })
    }

    unsafe extern "C" fn response(
        instance: *mut Instance,
        context: *const abi::gantry_context,
        operation: *const abi::gantry_user_operation,
        round: u32,
        http_status: u32,
        body: abi::gantry_bytes,
        out: *mut abi::gantry_sponsorship,
    ) -> i32 {
        // SAFETY: see Face.
        guarded(|| unsafe {
            let kept = Self::kept(instance);
            let operation = UserOperation { raw: &*operation };
            let context = Context::new(&*context);
            let answer =
                kept.plugin.response(&context, &operation, round, http_status, bytes(body))?;
            *out = kept.keep(answer);
            Ok(())
        })
    }

    unsafe extern "C" fn get_extension(_: *const Instance, _: *const c_char) -> *const c_void {
        std::ptr::null()
    }
}
