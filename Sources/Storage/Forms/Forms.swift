/// Every form that the gateway stores. Each has a table, which the database makes when it is opened.
package enum Forms {
    package static let all: [any Form.Type] = [
        ServerGroupForm.self,
        NotificationForm.self,
        NotificationGroupForm.self,
        AlertRuleForm.self,
        CronForm.self,
        DDNSForm.self,
        NATForm.self,
        ServiceForm.self,
    ]

    /// What engines write, and nobody else: tables of the same kind, in every database.
    static let kept: [any Form.Type] = [ServiceDayForm.self, TrafficHourForm.self]
}
