#include "host/ledger/sqlite.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "host/base/descriptor.hpp"
#include "host/base/output_file.hpp"

namespace gantry::host::ledger {
namespace {

// How long a statement waits for another process that holds the file.
constexpr int busy_ms = 5000;

Error sqlite_error(const std::filesystem::path& path, int code, std::string_view words) {
  const auto make = [&](ErrorKind kind, std::string_view why) {
    return Error{kind, fmt::format("{}: {}", path.string(), why)};
  };
  switch (code & 0xff) {
    case SQLITE_FULL:
      return make(ErrorKind::io,
                  "the disk is full: nothing of this was recorded. Make room; the ledger goes on "
                  "by itself");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return make(ErrorKind::io,
                  "another process holds the ledger locked. End it (a shell of sqlite3, a backup), "
                  "then try again");
    case SQLITE_NOTADB:
      return make(ErrorKind::format,
                  "is no ledger: it is no SQLite database. Name another file in [ledger]");
    case SQLITE_CORRUPT:
      return make(ErrorKind::format,
                  fmt::format("is damaged ({}). Restore it from a copy, with its -wal and .head "
                              "files; `gantry audit verify` then says whether it is whole",
                              words));
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN:
      return make(
          ErrorKind::io,
          fmt::format("cannot be opened or written by this user ({}). Correct the rights of "
                      "the file and its folder, or name another in [ledger]",
                      words));
    case SQLITE_IOERR:
      return make(ErrorKind::io, fmt::format("the disk failed ({}). See the machine's log", words));
    case SQLITE_CONSTRAINT:
      return make(ErrorKind::format, fmt::format("refused: {}", words));
    default:
      return make(ErrorKind::io, fmt::format("{} (SQLite's code {})", words, code));
  }
}

// What is plainly wrong with the path is told in better words than SQLite's.
Status check_file(const std::filesystem::path& path, OpenAs as) {
  struct stat facts{};
  if (::stat(path.c_str(), &facts) != 0) {
    if (errno == ENOENT && as == OpenAs::writer) return {};
    if (errno == ENOENT) {
      return fail(ErrorKind::not_found, fmt::format("{}: there is no ledger yet", path.string()));
    }
    return fail(ErrorKind::io, fmt::format("{}: cannot be reached: {}. Correct `path` in [ledger]",
                                           path.string(), std::strerror(errno)));
  }
  if (!S_ISREG(facts.st_mode)) {
    return fail(ErrorKind::io, fmt::format("{}: is {}, and no ledger. Correct `path` in [ledger]",
                                           path.string(), name_of_file_type(facts.st_mode)));
  }
  if (::faccessat(AT_FDCWD, path.c_str(), as == OpenAs::writer ? R_OK | W_OK : R_OK, AT_EACCESS) !=
      0) {
    return fail(ErrorKind::io, fmt::format("{}: this user may not {} it. Correct its rights",
                                           path.string(), as == OpenAs::writer ? "write" : "read"));
  }
  return {};
}

}  // namespace

Statement::~Statement() { sqlite3_finalize(statement_); }

void Statement::bind(int at, std::nullptr_t) { sqlite3_bind_null(statement_, at); }
void Statement::bind_number(int at, std::int64_t number) {
  sqlite3_bind_int64(statement_, at, number);
}
void Statement::bind(int at, std::string_view text) {
  sqlite3_bind_text64(statement_, at, text.data() == nullptr ? "" : text.data(), text.size(),
                      SQLITE_TRANSIENT, SQLITE_UTF8);
}
void Statement::bind(int at, Blob bytes) {
  sqlite3_bind_blob64(statement_, at, bytes.empty() ? static_cast<const void*>("") : bytes.data(),
                      bytes.size(), SQLITE_TRANSIENT);
}
void Statement::bind(int at, const u256& amount) {
  std::array<std::uint8_t, 32> bytes;
  store_be(amount, bytes.data());
  bind(at, Blob(bytes));
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  Error error = connection_.error();
  sqlite3_reset(statement_);
  return std::unexpected(std::move(error));
}

void Statement::reset() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

std::int64_t Statement::number(int column) const {
  return sqlite3_column_int64(statement_, column);
}
std::string Statement::text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (text == nullptr) return {};
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}
Blob Statement::blob(int column) const {
  const auto* bytes = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, column));
  return {bytes, bytes == nullptr
                     ? 0
                     : static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}
bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}
u256 Statement::amount(int column) const {
  const Blob bytes = blob(column);
  return bytes.size() == 32 ? load_be(bytes.data()) : u256();
}

Result<std::unique_ptr<Connection>> Connection::open(const std::filesystem::path& path, OpenAs as) {
  if (auto fit = check_file(path, as); !fit) return std::unexpected(std::move(fit.error()));
  if (as == OpenAs::writer) {
    // Amounts and signed transactions are nobody else's business. SQLite gives what it makes beside
    // the file the same rights.
    const Descriptor made(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (made.get() < 0) {
      return fail(ErrorKind::io,
                  fmt::format("{}: cannot be made: {}. Name a file in [ledger] in a folder that "
                              "this user may write to",
                              path.string(), std::strerror(errno)));
    }
  }
  sqlite3* handle = nullptr;
  const int flags = as == OpenAs::writer ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
  const int code = sqlite3_open_v2(path.c_str(), &handle,
                                   flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  std::unique_ptr<Connection> connection(new Connection(path, handle));
  if (code != SQLITE_OK) {
    return std::unexpected(sqlite_error(path, code, sqlite3_errstr(code)));
  }
  sqlite3_busy_timeout(handle, busy_ms);
  return connection;
}

Connection::~Connection() {
  statements_.clear();
  sqlite3_close_v2(handle_);
}

Status Connection::run(const char* sql) {
  if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return std::unexpected(error());
}

Result<Statement*> Connection::prepared(std::string_view sql) {
  const auto found = statements_.find(sql);
  if (found != statements_.end()) {
    found->second->reset();
    return found->second.get();
  }
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                         SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK) {
    return std::unexpected(error());
  }
  return statements_.emplace(std::string(sql), std::make_unique<Statement>(*this, statement))
      .first->second.get();
}

std::int64_t Connection::changes() const { return sqlite3_changes64(handle_); }
std::int64_t Connection::last_row() const { return sqlite3_last_insert_rowid(handle_); }

Error Connection::error() const {
  return sqlite_error(path_, sqlite3_extended_errcode(handle_), sqlite3_errmsg(handle_));
}

bool Connection::disk_failed() const {
  const int code = sqlite3_errcode(handle_) & 0xff;
  return code == SQLITE_IOERR || code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

}  // namespace gantry::host::ledger
