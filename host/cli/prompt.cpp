#include "host/cli/prompt.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "host/base/descriptor.hpp"

namespace gantry::host::cli {
namespace {

constexpr std::size_t answer_bytes_max = 1024;
constexpr std::size_t secret_file_bytes_max = 4096;

}  // namespace

std::optional<sign::SecretBytes> ask_unseen(std::string_view question) {
  const Descriptor terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  termios before{};
  if (terminal.get() < 0 || ::tcgetattr(terminal.get(), &before) != 0) return std::nullopt;
  termios silent = before;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  if (::tcsetattr(terminal.get(), TCSAFLUSH, &silent) != 0) return std::nullopt;
  const bool asked = ::write(terminal.get(), question.data(), question.size()) >= 0;
  sign::SecretBytes answer;
  answer.reserve(answer_bytes_max);
  char next = 0;
  bool ended = !asked;
  while (!ended && answer.size() < answer_bytes_max && ::read(terminal.get(), &next, 1) == 1) {
    ended = next == '\n';
    if (!ended) answer.push_back(static_cast<std::uint8_t>(next));
  }
  ::tcsetattr(terminal.get(), TCSAFLUSH, &before);
  // The line end was not shown either.
  if (asked) static_cast<void>(::write(terminal.get(), "\n", 1) < 0);
  if (!asked) return std::nullopt;
  return answer;
}

std::function<std::optional<sign::SecretBytes>()> ask_keystore_password() {
  return [] { return ask_unseen("Password of the keystore: "); };
}

Result<sign::SecretBytes> read_secret(const std::filesystem::path& path) {
  const bool standard_input = path == "-";
  const std::string name = standard_input ? "standard input" : path.string();
  const Descriptor file(standard_input ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                                       : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  const auto unreadable = [&] {
    return fail(ErrorKind::io, fmt::format("{}: cannot be read: {}", name, std::strerror(errno)));
  };
  if (file.get() < 0) return unreadable();
  sign::SecretBytes bytes(secret_file_bytes_max + 1);
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got = ::read(file.get(), bytes.data() + filled, bytes.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return unreadable();
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  if (filled > secret_file_bytes_max) {
    return fail(ErrorKind::limit, fmt::format("{}: is longer than {} bytes, so it is no key", name,
                                              secret_file_bytes_max));
  }
  bytes.resize(filled);
  return bytes;
}

}  // namespace gantry::host::cli
