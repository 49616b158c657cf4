import Storage

/// How far back the hours of each server are kept (`engines.md` 1): to the earliest start of a running cycle of any rule
/// that covers it, also of one that is switched off. Who owns the rule does not matter: owners and their rights change.
/// Pure.
struct TrafficRetention: Sendable {
    private let conditions: [(form: AlertCondition, from: Int64)]

    /// - Parameter now: Unix seconds.
    init(_ rules: [AlertRuleForm], at now: Int64) {
        conditions = rules.flatMap(\.rules).filter(\.isCycle).compactMap { form in
            CycleBounds(start: form.cycleStart, every: form.cycleInterval, unit: form.cycleUnit)
                .map { (form, $0.cycle(at: now).from) }
        }
    }

    /// Unix seconds; `nil` where no rule asks for any of it.
    func start(of server: Int64) -> Int64? {
        conditions.filter { Self.names($0.form, server) }.map(\.from).min()
    }

    /// Whether it is about the server. Of a list of servers that are looked at, those count, too, whose mark is not set
    /// (`engines-details.md` 1).
    private static func names(_ form: AlertCondition, _ server: Int64) -> Bool {
        let mark = form.ignore.values[server]
        return form.cover == 1 ? mark != nil : mark != true
    }
}
