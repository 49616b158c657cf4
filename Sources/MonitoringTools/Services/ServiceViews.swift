import MCPServer
import Monitoring
import Storage

extension IdentityCache {
    /// The server, if the pages may show it to the caller; the same refusal for every id outside a token's list, known or not.
    func shown(_ id: Int64, to principal: Principal) throws(ToolFailure) -> ServerRecord {
        do throws(ServerRefusal) {
            return try shown(server: id, to: principal)
        } catch {
            switch error {
            case .notListed: throw .permissionDenied
            case .unknown: throw .rejected("server not found")
            case .foreign: throw .rejected("unauthorized")
            }
        }
    }
}

/// What of monitors and servers the public pages show to a caller (`rest-details.md` 6).
struct ServiceViews: Sendable {
    let monitors: MonitorEngine
    let identity: IdentityCache

    /// Monitors that are not hidden, or the caller's own, in list order.
    func shown(to principal: Principal) -> [(monitor: Owned<ServiceForm>, record: MonitorRecord)] {
        monitors.overview.filter { isShown($0.monitor, to: principal) }
    }

    /// - Throws: ``ToolFailure`` for one that is unknown or hidden.
    func monitor(_ id: Int64, for principal: Principal) throws(ToolFailure) -> Owned<ServiceForm> {
        guard let monitor = monitors.monitor(id), isShown(monitor, to: principal) else {
            throw .rejected("service not found")
        }
        return monitor
    }

    /// Servers that the caller may see, in list order.
    func servers(shownTo principal: Principal) -> [ServerRecord] {
        identity.servers.filter { principal.sees($0) }
    }

    private func isShown(_ monitor: Owned<ServiceForm>, to principal: Principal) -> Bool {
        if !monitor.form.hideForGuest { return true }
        // As in the list of monitors: a token sees of its owner's what its own servers cover.
        return principal.owns(resourceOf: monitor.owner)
            && identity.covers(monitor.form.reach, of: monitor.owner, principal.token)
    }
}
