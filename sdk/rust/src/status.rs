//! What a call answers when it is not `GANTRY_OK`.
use crate::abi;
use std::fmt;

/// A considered or an expected no, or whose fault it is. `abi.h` says when each is right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i32)]
pub enum Status {
    /// The pool cannot pay that much, or pays nothing.
    NoLiquidity = abi::NO_LIQUIDITY,
    /// The exact result, or the chain's own type, overflows.
    OutOfRange = abi::OUT_OF_RANGE,
    /// The caller's buffer is too small.
    NeedSize = abi::NEED_SIZE,
    /// Another round of requests is needed first.
    NeedState = abi::NEED_STATE,
    /// This implementation does not have this operation.
    Unsupported = abi::UNSUPPORTED,
    /// A considered no.
    Refused = abi::REFUSED,
    /// Bytes from the chain or a provider do not decode.
    BadState = abi::BAD_STATE,
    /// The caller's bug.
    BadArgument = abi::BAD_ARGUMENT,
    /// The plugin's bug; a panic becomes this.
    PluginFault = abi::PLUGIN_FAULT,
    /// The host's bug, or a service it could not give.
    HostFault = abi::HOST_FAULT,
}

/// `Ok` is `GANTRY_OK`.
pub type Answer<T = ()> = Result<T, Status>;

impl Status {
    /// The number that crosses the boundary.
    pub fn code(self) -> i32 {
        self as i32
    }

    /// `GANTRY_OK` is `Ok`; a number that no header has is the host's fault.
    pub fn from_code(code: i32) -> Answer {
        Err(match code {
            abi::OK => return Ok(()),
            abi::NO_LIQUIDITY => Status::NoLiquidity,
            abi::OUT_OF_RANGE => Status::OutOfRange,
            abi::NEED_SIZE => Status::NeedSize,
            abi::NEED_STATE => Status::NeedState,
            abi::UNSUPPORTED => Status::Unsupported,
            abi::REFUSED => Status::Refused,
            abi::BAD_STATE => Status::BadState,
            abi::BAD_ARGUMENT => Status::BadArgument,
            abi::PLUGIN_FAULT => Status::PluginFault,
            _ => Status::HostFault,
        })
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A status with a text for people, where a call can give one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error {
    /// What crosses the boundary.
    pub status: Status,
    /// Cut to 247 bytes.
    pub message: String,
}

impl Error {
    /// "These parameters do not fit together", "this variant is unknown".
    pub fn refused(message: impl Into<String>) -> Error {
        Error { status: Status::Refused, message: message.into() }
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Error {
        Error { status, message: status.to_string() }
    }
}
