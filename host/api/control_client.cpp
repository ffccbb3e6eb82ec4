#include <fmt/format.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <chrono>

#include "host/api/control.hpp"

namespace gantry::host {
namespace {

namespace asio = boost::asio;
using Protocol = asio::local::stream_protocol;
using Failure = boost::system::error_code;

std::unexpected<Error> nothing_runs(const std::filesystem::path& socket) {
  return fail(
      ErrorKind::not_found,
      fmt::format("no host is running at {}. Start one with `gantry run`; `socket` in [api] "
                  "says where it listens.",
                  socket.string()));
}

}  // namespace

std::filesystem::path control_socket(const ApiSettings& settings, const Environment& environment) {
  if (!settings.socket.empty()) return settings.socket;
  const auto runtime = environment("XDG_RUNTIME_DIR");
  if (runtime && !runtime->empty()) return std::filesystem::path(*runtime) / "gantry.sock";
  std::error_code error;
  std::filesystem::path temporary = std::filesystem::temp_directory_path(error);
  if (error) temporary = "/tmp";
  return temporary / fmt::format("gantry-{}", ::geteuid()) / "gantry.sock";
}

Result<std::string> ask_host(const std::filesystem::path& socket, std::string_view request,
                             std::int64_t timeout_ms) {
  const std::string path = socket.string();
  if (path.size() >= sizeof(sockaddr_un::sun_path)) return nothing_runs(socket);
  asio::io_context context;
  Protocol::socket connection(context);
  Failure failure;
  (void)connection.connect(Protocol::endpoint(path), failure);
  if (failure == asio::error::connection_refused || failure.value() == ENOENT) {
    return nothing_runs(socket);
  }
  if (failure) return fail(ErrorKind::io, fmt::format("{}: {}", path, failure.message()));

  const std::string line = std::string(request) + "\n";
  std::string answer;
  bool done = false;
  asio::async_write(connection, asio::buffer(line), [&](const Failure& error, std::size_t) {
    failure = error;
    if (error) return;
    asio::async_read_until(connection, asio::dynamic_buffer(answer, control_answer_bytes_max), '\n',
                           [&](const Failure& read_error, std::size_t size) {
                             failure = read_error;
                             done = !read_error;
                             if (done) answer.resize(size - 1);
                           });
  });
  context.run_for(std::chrono::milliseconds(timeout_ms));
  if (done) return answer;
  if (failure) return fail(ErrorKind::io, fmt::format("{}: {}", path, failure.message()));
  return fail(ErrorKind::io,
              fmt::format("{}: the host did not answer within {} ms", path, timeout_ms));
}

}  // namespace gantry::host
