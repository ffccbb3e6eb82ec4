// A bundler of ERC-4337: estimates, takes and reports user operations. What its errors mean for who
// pays is decided here, by ERC-7769's codes and the EntryPoint's AAxx texts.
//
// THREADS    [any thread], several at once. Each call waits for its answer.
// OWNERSHIP  The pool outlives it.
// SOURCE     ERC-4337 and ERC-7769 (eth_sendUserOperation and its error codes).
#pragma once
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "host/sign/user_operation.hpp"
#include "host/sponsor/exchange.hpp"

namespace gantry::host {

enum class BundlerFault : std::int32_t {
  no_answer = 1,    // it may have been taken
  unavailable = 2,  // it was surely not taken: no connection, an HTTP error, a method it lacks
  garbage = 3,      // an answer that is none; it may have been taken
  busy = 4,         // told to slow down
  paymaster = 5,    // the one who pays is refused: another may do
  operation = 6,    // the operation itself: nobody would take it
  entry_point = 7,  // it serves another EntryPoint
  known = 8,        // it has this operation already
};
std::string_view to_string(BundlerFault fault);

struct BundlerFailure {
  BundlerFault fault = BundlerFault::no_answer;
  std::int64_t code = 0;  // of JSON-RPC or HTTP
  std::string message;    // one line, printable; begins with the bundler's name

  bool maybe_taken() const {
    return fault == BundlerFault::no_answer || fault == BundlerFault::garbage;
  }
};
template <class T>
using BundlerResult = std::expected<T, BundlerFailure>;

// What is known besides the code.
struct BundlerHints {
  bool names_paymaster = false;  // the error's data do
  bool sponsored = false;        // a paymaster's contract pays for the operation
};
// ERC-7769's codes. A time range that is over is the paymaster's where one pays: an account of ours
// has none.
BundlerFault fault_of_code(std::int64_t code, std::string_view message, BundlerHints hints);

// Of each limit; 0 where the bundler says none.
struct OperationGas {
  u256 call;
  u256 verification;
  u256 pre_verification;
  u256 paymaster_verification;
  u256 paymaster_post_op;
};

// Per gas.
struct OperationFees {
  u256 max;
  u256 max_priority;
};

class Bundler {
 public:
  Bundler(HttpPool& http, std::string name, HttpEndpoint endpoint, sign::EntryPoint entry_point)
      : http_(http),
        name_(std::move(name)),
        endpoint_(std::move(endpoint)),
        entry_point_(entry_point) {}

  const sign::EntryPoint& entry_point() const { return entry_point_; }
  const std::string& name() const { return name_; }

  // Whether it takes operations of this EntryPoint (eth_supportedEntryPoints): `entry_point` where
  // it names others alone.
  BundlerResult<void> serves(Deadline deadline) const;
  // What it takes operations for now, as Pimlico's bundlers say it and insist on it: "fast" of
  // pimlico_getUserOperationGasPrice. `unavailable`: it has no such method, which is no standard's;
  // then the chain's own fees are as good.
  BundlerResult<OperationFees> fees(Deadline deadline) const;
  // eth_estimateUserOperationGas of an operation with a stub signature.
  BundlerResult<OperationGas> estimate(const sign::UserOperation& operation,
                                       Deadline deadline) const;
  // eth_sendUserOperation. Another hash in its answer than `hash` is garbage.
  BundlerResult<void> send(const sign::UserOperation& operation, const Hash32& hash,
                           Deadline deadline) const;
  // The same of an operation that was written down: user_operation_bytes(), which leave as they
  // are. Bytes that are no operation are refused as one that is bad, and do not leave.
  BundlerResult<void> send_again(std::span<const std::uint8_t> bytes, const Hash32& hash,
                                 Deadline deadline) const;

 private:
  struct Call {
    const char* method = nullptr;
    boost::json::array parameters;
    bool sponsored = false;
    bool fresh = false;  // it leaves once at most
  };
  BundlerResult<boost::json::value> call(Call call, Deadline deadline) const;
  Call about(const char* method, boost::json::object operation) const;
  BundlerResult<void> submit(boost::json::object operation, const Hash32& hash,
                             Deadline deadline) const;
  BundlerFailure failure(BundlerFault fault, std::int64_t code, std::string_view message) const;

  HttpPool& http_;
  std::string name_;
  HttpEndpoint endpoint_;
  sign::EntryPoint entry_point_;
};

}  // namespace gantry::host
