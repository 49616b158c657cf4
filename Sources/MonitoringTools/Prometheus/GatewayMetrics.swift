package import AgentLink
package import MCPServer
import Monitoring
package import RESTAdapter

/// What the gateway tells of itself to Prometheus: counts, durations and depths, no names but those of tools, no content.
package struct GatewayMetrics: Sendable {
    private let registry: ToolRegistry
    private let core: GatewayCore
    private let agents: AgentDirectory
    private let modules: [ModuleMetric]

    /// - Parameter modules: what the modules of the gateway bring, in order.
    package init(registry: ToolRegistry, core: GatewayCore, agents: AgentDirectory, modules: [ModuleMetric]) {
        self.registry = registry
        self.core = core
        self.agents = agents
        self.modules = modules
    }

    /// The document, as it is now.
    func document() async -> [UInt8] {
        var text = PrometheusText()
        text.family("nezha_gateway_info", .gauge, "The version of the gateway.") {
            $0.sample(1, labels: [("version", core.services.version)])
        }
        addCalls(to: &text)
        addAgents(to: &text)
        text.family("nezha_gateway_running_calls", .gauge, "Calls and sockets that are under way.") {
            $0.sample(Double(core.live.count))
        }
        text.family("nezha_gateway_audit_rows_lost_total", .counter, "Audit rows that never came to the database.") {
            $0.sample(Double(core.audit.lostRows))
        }
        await addModules(to: &text)
        return text.bytes
    }

    /// A family stands in one piece, whichever modules bring it.
    private func addModules(to text: inout PrometheusText) async {
        var families: [(metric: ModuleMetric, samples: [ModuleMetric.Sample])] = []
        for metric in modules {
            let samples = await metric.samples()
            if let index = families.firstIndex(where: { $0.metric.name.utf8.elementsEqual(metric.name.utf8) }) {
                families[index].samples += samples
            } else {
                families.append((metric, samples))
            }
        }
        for (metric, samples) in families {
            text.family(metric.name, metric.isCounter ? .counter : .gauge, metric.help) { family in
                for sample in samples { family.sample(sample.value, labels: sample.labels) }
            }
        }
    }

    private func addCalls(to text: inout PrometheusText) {
        let statistics = registry.statistics.filter { !$0.calls.outcomes.isEmpty }
        text.family("nezha_gateway_calls_total", .counter, "Calls of tools, by what came of them.") { family in
            for (name, calls) in statistics {
                for outcome in ToolOutcome.allCases {
                    guard let count = calls.outcomes[outcome] else { continue }
                    family.sample(Double(count), labels: [("tool", name), ("outcome", outcome.rawValue)])
                }
            }
        }
        text.family("nezha_gateway_call_seconds", .histogram, "How long calls of tools took.") { family in
            for (name, calls) in statistics {
                for (index, count) in calls.buckets.enumerated() {
                    let bound =
                        index < CallStatistics.bounds.count
                        ? "\(CallStatistics.bounds[index] / .seconds(1))" : "+Inf"
                    family.sample(Double(count), suffix: "_bucket", labels: [("tool", name), ("le", bound)])
                }
                family.sample(calls.seconds, suffix: "_sum", labels: [("tool", name)])
                family.sample(Double(calls.buckets.last ?? 0), suffix: "_count", labels: [("tool", name)])
            }
        }
    }

    private func addAgents(to text: inout PrometheusText) {
        text.family("nezha_gateway_agents", .gauge, "Agents that are attached.") {
            $0.sample(Double(agents.attachedCount))
        }
        let counters = agents.counters.snapshot
        text.family("nezha_gateway_agent_events_total", .counter, "What agents did that was dropped or refused.") {
            for (event, count) in [
                ("late_result", counters.lateResults), ("unknown_result", counters.unknownResults),
                ("mistyped_result", counters.mistypedResults), ("refused_call", counters.refusedCalls),
                ("refused_attachment", counters.refusedAttachments), ("superseded_stream", counters.supersededStreams),
            ] {
                $0.sample(Double(count), labels: [("event", event)])
            }
        }
    }
}
