import CLinux
import Glibc

/// What the agent and its programs see of the environment. Whoever starts it bare (an init of few means, cron, a
/// container) gives none of what every program counts on.
enum AgentEnvironment {
    static let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    /// Text is UTF-8 to the agent, so also to the programs.
    static let language = "C.UTF-8"

    /// Adds PATH, HOME and LANG where they are missing or empty.
    /// - Parameter home: the user's, when known.
    static func completing(_ environment: [String: String], home: String? = userHome()) -> [String: String] {
        var result = environment
        func isMissing(_ name: String) -> Bool { environment[name]?.isEmpty != false }
        if isMissing("PATH") { result["PATH"] = path }
        if isMissing("HOME") { result["HOME"] = home ?? "/" }
        if ["LC_ALL", "LC_CTYPE", "LANG"].allSatisfy(isMissing) { result["LANG"] = language }
        return result
    }

    /// As the user database has it.
    private static func userHome() -> String? {
        guard let home = unsafe getpwuid(getuid())?.pointee.pw_dir else { return nil }
        let text = unsafe String(cString: home)
        return text.isEmpty ? nil : text
    }
}
