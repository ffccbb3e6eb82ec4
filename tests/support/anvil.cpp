#include "support/anvil.hpp"

#include <curl/curl.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace gantry::test {
namespace {

// Bounds against a hang, not expectations: anvil starts in about 0.2 s.
constexpr auto start_bound = std::chrono::seconds(60);
constexpr auto start_poll = std::chrono::milliseconds(10);
constexpr long request_bound_s = 120;

constexpr std::string_view listening = "Listening on 127.0.0.1:";

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> result;
  for (std::string& word : words) result.push_back(word.data());
  result.push_back(nullptr);
  return result;
}

// Between fork and exec only what is safe after fork.
[[noreturn]] void become_anvil(pid_t parent, int log, char* const* arguments,
                               char* const* environment) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);  // the parent was gone before prctl
  const int null = ::open("/dev/null", O_RDONLY);
  ::dup2(null, STDIN_FILENO);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::execve(arguments[0], arguments, environment);
  ::_exit(127);
}

boost::json::object to_json(const RpcRequest& request, std::size_t id) {
  return {{"jsonrpc", "2.0"}, {"id", id}, {"method", request.method}, {"params", request.params}};
}

RpcAnswer to_answer(const boost::json::object& reply) {
  RpcAnswer answer;
  const auto* error = reply.if_contains("error");
  if (error == nullptr) {
    answer.result = reply.at("result");
    return answer;
  }
  RpcFailure failure;
  failure.code = error->at("code").to_number<std::int64_t>();
  failure.message = boost::json::value_to<std::string>(error->at("message"));
  if (const auto* data = error->as_object().if_contains("data"); data && data->is_string()) {
    failure.data = boost::json::value_to<std::string>(*data);
  }
  answer.failure = std::move(failure);
  return answer;
}

}  // namespace

// Keep-alive POSTs to one address; never through a proxy, for the chain is on loopback.
class HttpClient {
 public:
  explicit HttpClient(const std::string& url) : handle_(curl_easy_init()) {
    if (handle_ == nullptr) throw std::runtime_error("curl_easy_init failed");
    headers_ = curl_slist_append(headers_, "Content-Type: application/json");
    headers_ = curl_slist_append(headers_, "Expect:");  // no pause for 100-continue
    curl_easy_setopt(handle_, CURLOPT_URL, url.c_str());
    curl_easy_setopt(handle_, CURLOPT_HTTPHEADER, headers_);
    curl_easy_setopt(handle_, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(handle_, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle_, CURLOPT_TIMEOUT, request_bound_s);
    curl_easy_setopt(handle_, CURLOPT_WRITEFUNCTION, &HttpClient::append);
    curl_easy_setopt(handle_, CURLOPT_WRITEDATA, &body_);
  }
  ~HttpClient() {
    curl_slist_free_all(headers_);
    curl_easy_cleanup(handle_);
  }
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  const std::string& post(const std::string& body) {
    body_.clear();
    curl_easy_setopt(handle_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(handle_, CURLOPT_POSTFIELDS, body.c_str());
    const CURLcode code = curl_easy_perform(handle_);
    if (code != CURLE_OK) {
      throw std::runtime_error(std::string("anvil: ") + curl_easy_strerror(code));
    }
    return body_;
  }

 private:
  static std::size_t append(char* data, std::size_t size, std::size_t count, void* body) {
    static_cast<std::string*>(body)->append(data, size * count);
    return size * count;
  }

  CURL* handle_;
  curl_slist* headers_ = nullptr;
  std::string body_;
};

std::filesystem::path evm_package_file(std::string_view path_in_node_modules) {
  const std::filesystem::path folder(GANTRY_EVM_TEST_FOLDER);
  const std::filesystem::path file = folder / "node_modules" / path_in_node_modules;
  if (!std::filesystem::is_regular_file(file)) {
    throw std::runtime_error(file.string() +
                             " is missing. The tests of EVM venues need a local chain; "
                             "install it with\n    npm ci --ignore-scripts --no-audit "
                             "--no-fund --prefix " +
                             folder.string());
  }
  return file;
}

Anvil::Anvil(const std::vector<std::string>& arguments) {
  const auto program = evm_package_file("@foundry-rs/anvil-linux-amd64/bin/anvil");
  try {
    start(program, arguments);
    wait_until_it_listens();
    http_ = std::make_unique<HttpClient>(url_);
    call("anvil_setLoggingEnabled", {false});
  } catch (...) {
    end();
    throw;
  }
}

Anvil::~Anvil() { end(); }

void Anvil::start(const std::filesystem::path& program, const std::vector<std::string>& arguments) {
  const std::string cache = (folder_ / "cache").string();
  std::vector<std::string> words = {
      program.string(), "--host", "127.0.0.1",   "--port",       "0",
      "--accounts",     "2",      "--no-mining", "--cache-path", cache};
  words.insert(words.end(), arguments.begin(), arguments.end());
  // An environment of its own: anvil reads ANVIL_IP_ADDR and writes below HOME.
  std::vector<std::string> variables = {"HOME=" + folder_.path().string(), "PATH=/usr/bin:/bin"};
  const std::vector<char*> argv = pointers(words);
  const std::vector<char*> envp = pointers(variables);

  const std::string log_path = (folder_ / "output").string();
  const int log = ::open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0) throw std::system_error(errno, std::generic_category(), log_path);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) become_anvil(parent, log, argv.data(), envp.data());
  const int fork_errno = errno;
  ::close(log);
  if (pid_ < 0) throw std::system_error(fork_errno, std::generic_category(), "fork");
}

void Anvil::wait_until_it_listens() {
  const auto give_up = std::chrono::steady_clock::now() + start_bound;
  while (std::chrono::steady_clock::now() < give_up) {
    const std::string text = output();
    const auto at = text.find(listening);
    const auto end_of_line = at == std::string::npos ? at : text.find('\n', at);
    if (end_of_line != std::string::npos) {
      const auto port = at + listening.size();
      url_ = "http://127.0.0.1:" + text.substr(port, end_of_line - port);
      return;
    }
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = -1;
      throw std::runtime_error("anvil ended at once; it wrote:\n" + text);
    }
    std::this_thread::sleep_for(start_poll);
  }
  throw std::runtime_error("anvil did not begin to listen; it wrote:\n" + output());
}

void Anvil::end() {
  http_.reset();
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
}

std::string Anvil::output() const {
  std::ifstream file(folder_ / "output");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

boost::json::value Anvil::call(std::string method, boost::json::array params) {
  const std::string& reply = http_->post(
      boost::json::serialize(to_json({.method = method, .params = std::move(params)}, 0)));
  RpcAnswer answer = to_answer(boost::json::parse(reply).as_object());
  if (answer.failure) throw std::runtime_error(method + ": " + answer.failure->message);
  return std::move(answer.result);
}

boost::json::object Anvil::transact(boost::json::object transaction) {
  boost::json::array params;
  params.push_back(std::move(transaction));
  const boost::json::value hash = call("eth_sendTransaction", std::move(params));
  call("evm_mine");
  boost::json::value receipt = call("eth_getTransactionReceipt", {hash});
  if (!receipt.is_object()) throw std::runtime_error("a transaction was not mined");
  return std::move(receipt.as_object());
}

std::vector<RpcAnswer> Anvil::batch(const std::vector<RpcRequest>& requests) {
  if (requests.empty()) return {};
  boost::json::array body;
  body.reserve(requests.size());
  for (const RpcRequest& request : requests) body.push_back(to_json(request, body.size()));
  const auto replies = boost::json::parse(http_->post(boost::json::serialize(body)));
  if (!replies.is_array() || replies.as_array().size() != requests.size()) {
    throw std::runtime_error("anvil answered a batch with " +
                             boost::json::serialize(replies).substr(0, 200));
  }
  std::vector<std::optional<RpcAnswer>> by_id(requests.size());
  for (const auto& reply : replies.as_array()) {
    const auto id = reply.at("id").to_number<std::size_t>();
    by_id.at(id) = to_answer(reply.as_object());
  }
  std::vector<RpcAnswer> answers;
  for (auto& answer : by_id) answers.push_back(std::move(answer.value()));
  return answers;
}

}  // namespace gantry::test
