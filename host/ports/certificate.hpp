// What OpenSSL thinks of a server's certificate, in words. Internal to host/ports.
#pragma once
#include <string>

namespace gantry::host {

// `verdict` is SSL_get_verify_result()'s, which libcurl hands on; a certificate that nothing is
// wrong with but its name has 0 there. Neither the host's name nor the certificate's is in the
// words: it may be a key.
std::string certificate_fault(long verdict);

}  // namespace gantry::host
