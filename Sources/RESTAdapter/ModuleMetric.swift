/// Numbers of one name that a module tells of itself at `GET /metrics`: what gathers in it, what it lost. Several modules may
/// bring parts of one family, told apart by their labels.
///
/// ```swift
/// GatewayModule(name: "mail", metrics: ModuleMetric.queue("mail", waiting: { outbox.count }, dropped: { outbox.lost }))
/// ```
package struct ModuleMetric: Sendable {
    /// One number, and what tells it from the others of its family.
    package struct Sample: Sendable {
        package var labels: [(String, String)]
        package var value: Double

        package init(_ value: Double, labels: [(String, String)] = []) {
            self.labels = labels
            self.value = value
        }
    }

    /// By the rules of Prometheus: lower case, with its unit, ending in `_total` where it only grows.
    package var name: String
    package var help: String
    /// Whether it only grows.
    package var isCounter: Bool
    /// The numbers as they are now; asked at each scrape, so it waits for nobody long.
    package var samples: @Sendable () async -> [Sample]

    package init(
        _ name: String, _ help: String, isCounter: Bool = false, samples: @escaping @Sendable () async -> [Sample]
    ) {
        self.name = name
        self.help = help
        self.isCounter = isCounter
        self.samples = samples
    }

    /// A bounded queue.
    /// - Parameters:
    ///   - queue: its name.
    ///   - waiting: how much it holds.
    ///   - dropped: how much found it full since the start.
    package static func queue(
        _ queue: String, waiting: @escaping @Sendable () -> Int, dropped: @escaping @Sendable () -> Int
    ) -> [ModuleMetric] {
        queues { [(name: queue, waiting: waiting(), dropped: dropped())] }
    }

    /// Bounded queues that are known when they are asked.
    package static func queues(
        _ all: @escaping @Sendable () -> [(name: String, waiting: Int, dropped: Int)]
    ) -> [ModuleMetric] {
        [
            ModuleMetric("nezha_gateway_queue_length", "What waits in a bounded queue.") {
                all().map { Sample(Double($0.waiting), labels: [("queue", $0.name)]) }
            },
            ModuleMetric(
                "nezha_gateway_queue_dropped_total", "What found a bounded queue full and was lost.", isCounter: true
            ) {
                all().map { Sample(Double($0.dropped), labels: [("queue", $0.name)]) }
            },
        ]
    }
}
