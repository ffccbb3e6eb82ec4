// A flow graph of the street's shape. Called with `faulty`, the nodes that run at the same time add
// to a plain integer; otherwise they hand their results on, which is no race and must not be one to
// the sanitizer either: that is what the instrumented oneTBB is for.
#include <tbb/flow_graph.h>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <tuple>
#include <vector>

int main(int count, char** arguments) {
  using Snapshot = std::shared_ptr<const std::vector<long>>;
  const bool faulty = count > 1 && std::strcmp(arguments[1], "faulty") == 0;
  const tbb::global_control workers(tbb::global_control::max_allowed_parallelism, 4);

  long racy = 0;
  long total = 0;
  tbb::flow::graph graph;
  tbb::flow::broadcast_node<Snapshot> source(graph);
  tbb::flow::function_node<Snapshot, long> strategy(
      graph, tbb::flow::unlimited, [&racy, faulty](const Snapshot& snapshot) {
        std::vector<long> parts(snapshot->size());
        tbb::parallel_for(std::size_t{0}, parts.size(), [&](std::size_t index) {
          parts[index] = (*snapshot)[index];
          if (faulty) racy += parts[index];
        });
        long sum = 0;
        for (const long part : parts) sum += part;
        return sum;
      });
  tbb::flow::function_node<Snapshot, long> size(
      graph, tbb::flow::serial,
      [](const Snapshot& snapshot) { return static_cast<long>(snapshot->size()); });
  tbb::flow::join_node<std::tuple<long, long>> join(graph);
  tbb::flow::function_node<std::tuple<long, long>> rank(
      graph, tbb::flow::serial, [&total](const std::tuple<long, long>& both) {
        total += std::get<0>(both) + std::get<1>(both);
      });
  tbb::flow::make_edge(source, strategy);
  tbb::flow::make_edge(source, size);
  tbb::flow::make_edge(strategy, tbb::flow::input_port<0>(join));
  tbb::flow::make_edge(size, tbb::flow::input_port<1>(join));
  tbb::flow::make_edge(join, rank);

  const std::size_t pools = 64;
  const int snapshots = 500;
  for (int number = 0; number < snapshots; ++number) {
    source.try_put(std::make_shared<const std::vector<long>>(pools, 1));
  }
  graph.wait_for_all();
  return total == snapshots * 2 * static_cast<long>(pools) ? 0 : 1;
}
