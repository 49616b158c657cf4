/// Every stored resource. To add one, add its form, its shape, its rules and a line here (ARCHITECTURE.md).
package func allResources(_ services: ToolServices) -> [any Resource] {
    [
        ServerGroupResource(services),
        NotificationResource(services),
        NotificationGroupResource(services),
        AlertRuleResource(services),
        CronResource(services),
        DDNSResource(),
        NATResource(services),
        ServiceResource(services),
    ]
}

/// The tools of a resource.
package enum ResourceTools {
    package static func of<Kind: Resource>(_ resource: Kind, _ services: ToolServices) -> [any Tool] {
        let desk = ResourceDesk(resource, services)
        return [
            ResourceListTool(desk), ResourceCreateTool(desk), ResourceUpdateTool(desk), ResourceDeleteTool(desk),
        ]
    }
}
