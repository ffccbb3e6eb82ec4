//! A paymaster in its smallest form: it declines every operation and says why. One that pays emits a
//! request in request() and reads the answer in response(). What each call means, and what it may
//! answer, is said in gantry/paymaster.h.
use gantry_sdk::{
    export_plugin, Answer, Config, Context, Error, Host, HttpSink, Paymaster, Sponsorship, Status,
    UserOperation,
};

pub struct MyPaymaster {
    host: Host,
}

impl Paymaster for MyPaymaster {
    fn create(host: Host, _config: &Config<'_>) -> Result<Self, Error> {
        Ok(MyPaymaster { host })
    }

    fn supports(&mut self, _context: &Context<'_>, _operation: &UserOperation<'_>) -> Answer {
        Ok(())
    }

    fn request(
        &mut self,
        context: &Context<'_>,
        operation: &UserOperation<'_>,
        _round: u32,
        _sink: &HttpSink<'_>,
    ) -> Answer {
        let bytes = operation.call_data().len();
        self.host.info(&format!("declined an operation of {} bytes on {}", bytes, context.chain()));
        self.host.count("declined", 1);
        Err(Status::Refused)
    }

    /// Nothing was asked, so there is no answer to read.
    fn response(
        &mut self,
        _context: &Context<'_>,
        _operation: &UserOperation<'_>,
        _round: u32,
        _http_status: u32,
        _body: &[u8],
    ) -> Answer<Sponsorship> {
        Err(Status::BadState)
    }
}

export_plugin!(paymaster MyPaymaster);

#[cfg(test)]
mod tests {
    use super::*;
    use gantry_sdk::abi;
    use gantry_sdk::testing::{FakeHost, FakeSponsor};

    #[test]
    fn an_operation_is_declined_and_the_log_says_so() {
        let host = FakeHost::new();
        let mut sponsor = FakeSponsor::<MyPaymaster>::create(&host, &[]).unwrap();
        sponsor.supports().unwrap();
        assert_eq!(sponsor.request(0), Err(Status::Refused));
        let line = "declined an operation of 4 bytes on eip155:1";
        assert_eq!(host.lines(), [(abi::LOG_INFO, String::from(line))]);
        assert_eq!(host.counted("declined"), 1);
        assert_eq!(sponsor.response(0, 200, b"{}"), Err(Status::BadState));
    }
}
