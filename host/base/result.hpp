// Result<T>: a value, or one Error that says what went wrong, where, and what to do about it.
#pragma once
#include <cstdint>
#include <expected>
#include <string>
#include <utility>

namespace gantry::host {

// The kind decides the exit code: usage and configuration end with 2, a found fault with 3.
enum class ErrorKind : std::int32_t {
  io = 1,             // the file, socket or system call failed
  usage = 2,          // the command line is wrong
  configuration = 3,  // a TOML file is wrong
  format = 4,         // bytes do not decode (recording, manifest, ELF)
  plugin = 5,         // a plugin broke its contract
  limit = 6,          // a named bound was reached
  not_found = 7,
  internal = 8,  // our bug
};

struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string message;  // what, where, and the remedy, in one sentence each
};

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

[[nodiscard]] inline std::unexpected<Error> fail(ErrorKind kind, std::string message) {
  return std::unexpected(Error{kind, std::move(message)});
}

}  // namespace gantry::host
