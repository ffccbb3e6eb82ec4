// SQLite, with errors as values. Internal to host/ledger, the only folder that includes it.
//
// ERRORS   Each names the file, what was being done, why it failed and what to do.
// THREADS  A connection is one thread's at a time.
#pragma once
#include <array>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/u256.hpp"
#include "host/base/result.hpp"
#include "host/ledger/signed_amount.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace gantry::host::ledger {

using Blob = std::span<const std::uint8_t>;

class Connection;

// A prepared statement of a Connection, which keeps it.
class Statement {
 public:
  Statement(Connection& connection, sqlite3_stmt* statement)
      : connection_(connection), statement_(statement) {}
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  void bind(int at, std::nullptr_t);
  template <std::integral Number>
  void bind(int at, Number number) {
    bind_number(at, static_cast<std::int64_t>(number));
  }
  void bind(int at, std::string_view text);
  void bind(int at, const std::string& text) { bind(at, std::string_view(text)); }
  void bind(int at, const char* text) { bind(at, std::string_view(text)); }
  void bind(int at, Blob bytes);
  template <std::size_t size>
  void bind(int at, const std::array<std::uint8_t, size>& bytes) {
    bind(at, Blob(bytes));
  }
  void bind(int at, const u256& amount);  // 32 bytes, most significant first
  void bind(int at, const SignedAmount& amount) { bind(at, amount.bits()); }
  template <class T>
  void bind(int at, const std::optional<T>& value) {
    if (value) return bind(at, *value);
    bind(at, nullptr);
  }

  // True: there is a row, false: no more.
  Result<bool> step();
  void reset();

  std::int64_t number(int column) const;
  std::string text(int column) const;
  Blob blob(int column) const;  // until the next step()
  bool is_null(int column) const;
  // What has another size comes as zero: the file was tampered with, which `verify` finds.
  u256 amount(int column) const;
  SignedAmount signed_amount(int column) const { return SignedAmount::from_bits(amount(column)); }
  template <std::size_t size>
  std::array<std::uint8_t, size> bytes(int column) const {
    std::array<std::uint8_t, size> out{};
    const Blob from = blob(column);
    if (from.size() == size) std::copy(from.begin(), from.end(), out.begin());
    return out;
  }

 private:
  void bind_number(int at, std::int64_t number);
  Connection& connection_;
  sqlite3_stmt* statement_;
};

enum class OpenAs : std::int32_t { writer = 1, reader = 2 };

class Connection {
 public:
  // A writer makes the file where it is not there (0600). Fails with not_found, io or format.
  static Result<std::unique_ptr<Connection>> open(const std::filesystem::path& path, OpenAs as);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // Several statements without results.
  Status run(const char* sql);
  // With its values bound, ready to step; prepared once for each text. Valid until it is asked for
  // again.
  template <class... Values>
  Result<Statement*> query(std::string_view sql, const Values&... values) {
    auto statement = prepared(sql);
    if (!statement) return statement;
    int at = 0;
    (static_cast<void>((*statement)->bind(++at, values)), ...);
    return statement;
  }
  template <class... Values>
  Status execute(std::string_view sql, const Values&... values) {
    const auto statement = query(sql, values...);
    if (!statement) return std::unexpected(statement.error());
    const auto stepped = (*statement)->step();
    (*statement)->reset();
    if (!stepped) return std::unexpected(stepped.error());
    return {};
  }
  // The first number of the first row; nullopt: no row.
  template <class... Values>
  Result<std::optional<std::int64_t>> number(std::string_view sql, const Values&... values) {
    const auto statement = query(sql, values...);
    if (!statement) return std::unexpected(statement.error());
    const auto row = (*statement)->step();
    if (!row) return std::unexpected(row.error());
    std::optional<std::int64_t> out;
    if (*row && !(*statement)->is_null(0)) out = (*statement)->number(0);
    (*statement)->reset();
    return out;
  }

  std::int64_t changes() const;  // rows that the last statement changed
  std::int64_t last_row() const;
  // What the last call failed with, as ours.
  Error error() const;
  // Whether the last failure was of the disk itself: what is on it is then not known.
  bool disk_failed() const;
  const std::filesystem::path& path() const { return path_; }

 private:
  friend class Statement;
  Connection(std::filesystem::path path, sqlite3* handle)
      : path_(std::move(path)), handle_(handle) {}
  Result<Statement*> prepared(std::string_view sql);

  std::filesystem::path path_;
  sqlite3* handle_;
  std::map<std::string, std::unique_ptr<Statement>, std::less<>> statements_;
};

}  // namespace gantry::host::ledger
