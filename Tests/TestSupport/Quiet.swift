package import Logging

/// Logs nothing.
package let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
