import Logging
import TestSupport

extension KeptLog {
    /// What a test can search.
    var lines: [String] { events.map { "\($0.level) \($0.message) \($0.metadata?.entries ?? [])" } }
}
